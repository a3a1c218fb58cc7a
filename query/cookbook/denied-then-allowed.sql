-- Permissions: calls that were refused first and worked later
-- Who got a permission, or found another way, between the two: look for changes of permissions from the last refusal to the first success.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH calls AS (
  SELECT eventTime, actor, recipientAccountId, eventSource, eventName, errorCode IS NULL AS isfine,
    (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%'
      OR errorCode = 'Forbidden') AS isrefused
  FROM cloudtrail WHERE eventTime >= $since AND eventTime < $until
), tries AS (
  SELECT actor, recipientAccountId, eventSource, eventName, min(eventTime) FILTER (WHERE isrefused) AS refused,
    count(*) FILTER (WHERE isrefused) AS refusals, min(eventTime) FILTER (WHERE isfine) AS worked,
    max(eventTime) FILTER (WHERE isfine) AS last, count(*) FILTER (WHERE isfine) AS successes
  FROM calls
  GROUP BY actor, recipientAccountId, eventSource, eventName
)
SELECT * FROM tries WHERE refused < worked ORDER BY worked, actor, eventName
