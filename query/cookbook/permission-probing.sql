-- Permissions: principals that were refused much within an hour
-- Different calls, or regions, in which a key was refused within an hour, and what it was allowed meanwhile; who does not know what a key may do tries it out.
-- $calls int = 5: different refused calls, or regions, at least
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH calls AS (
  SELECT date_trunc('hour', eventTime) AS hour, actor, userIdentity.accessKeyId, sourceIPAddress, awsRegion, eventSource, eventName,
    errorCode,
    (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%'
      OR errorCode = 'Forbidden') AS isrefused
  FROM cloudtrail WHERE eventTime >= $since AND eventTime < $until
)
SELECT hour, actor, accessKeyId, sourceIPAddress,
  count(DISTINCT concat(eventSource, ':', eventName)) FILTER (WHERE isrefused) AS kinds,
  count(DISTINCT awsRegion) FILTER (WHERE isrefused) AS regions, count(*) FILTER (WHERE isrefused) AS refused,
  count(*) FILTER (WHERE errorCode IS NULL) AS allowed,
  left(array_to_string(array_sort(array_agg(DISTINCT eventName) FILTER (WHERE isrefused)), ', '), 300) AS names
FROM calls
GROUP BY hour, actor, accessKeyId, sourceIPAddress
HAVING greatest(count(DISTINCT concat(eventSource, ':', eventName)) FILTER (WHERE isrefused),
  count(DISTINCT awsRegion) FILTER (WHERE isrefused)) >= $calls
ORDER BY refused DESC, hour, actor
