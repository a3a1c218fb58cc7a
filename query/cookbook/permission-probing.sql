-- Permissions: principals that were refused much within an hour
-- Different calls, or regions, in which a key was refused within an hour, and what it was allowed meanwhile; who does not know what a key may do tries it out.
-- $calls int = 5: different refused calls, or regions, at least
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT date_trunc('hour', eventTime) AS hour, actor, userIdentity.accessKeyId, sourceIPAddress,
  count(DISTINCT CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN concat(eventSource, ':', eventName) END) AS kinds,
  count(DISTINCT CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN awsRegion END) AS regions,
  count(CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN 1 END) AS refused, count(CASE WHEN errorCode IS NULL THEN 1 END) AS allowed,
  left(array_to_string(array_sort(array_agg(DISTINCT CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN eventName END)), ', '), 300) AS names
FROM cloudtrail
WHERE eventTime >= $since AND eventTime < $until
GROUP BY date_trunc('hour', eventTime), actor, userIdentity.accessKeyId, sourceIPAddress
HAVING greatest(count(DISTINCT CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN concat(eventSource, ':', eventName) END),
  count(DISTINCT CASE WHEN (errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode LIKE '%NotAuthorized%' OR errorCode = 'Forbidden') THEN awsRegion END)) >= $calls
ORDER BY refused DESC, hour, actor
