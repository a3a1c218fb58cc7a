-- Credentials: keys that were used from several networks
-- A key that leaves its network may have been stolen; networks are /24, or /48 with IPv6, and calls by services of AWS do not count.
-- $networks int = 2: networks at least
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT userIdentity.accessKeyId, actor, count(DISTINCT net24(sourceIPAddress)) AS networks,
  array_to_string(array_sort(array_agg(DISTINCT net24(sourceIPAddress))), ', ') AS addresses,
  min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls
FROM cloudtrail
WHERE eventTime >= $since AND eventTime < $until AND userIdentity.accessKeyId IS NOT NULL AND userIdentity.invokedBy IS NULL
  AND net24(sourceIPAddress) IS NOT NULL
GROUP BY userIdentity.accessKeyId, actor
HAVING count(DISTINCT net24(sourceIPAddress)) >= $networks
ORDER BY networks DESC, calls DESC, 1
