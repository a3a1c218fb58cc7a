-- Permissions: calls that were refused first and worked later
-- Who got a permission, or found another way, between the two: look for changes of permissions from the last refusal to the first success.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH tries AS (
  SELECT actor, recipientAccountId, eventSource, eventName,
    min(CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN eventTime END) AS refused, count(CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN 1 END) AS refusals,
    min(CASE WHEN errorCode IS NULL THEN eventTime END) AS worked,
    max(CASE WHEN errorCode IS NULL THEN eventTime END) AS last, count(CASE WHEN errorCode IS NULL THEN 1 END) AS successes
  FROM cloudtrail WHERE eventTime >= $since AND eventTime < $until
  GROUP BY actor, recipientAccountId, eventSource, eventName
)
SELECT * FROM tries WHERE refused < worked ORDER BY worked, actor, eventName
