-- Addresses: who used an address
-- One row for each principal and key that called from it, with what they did most and first and last time.
-- $ip text: the address, as CloudTrail writes it
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT actor, userIdentity.accessKeyId, recipientAccountId, count(*) AS calls, count(errorCode) AS failed,
  count(CASE WHEN readOnly = false THEN 1 END) AS changes, count(DISTINCT eventName) AS kinds,
  count(DISTINCT awsRegion) AS regions, min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE sourceIPAddress = $ip AND eventTime >= $since AND eventTime < $until
GROUP BY actor, userIdentity.accessKeyId, recipientAccountId
ORDER BY first, actor, 2
