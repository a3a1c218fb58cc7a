-- Addresses: who came from some networks
-- One row for each address and principal; several networks have commas between them.
-- $networks cidr[]: networks such as 203.0.113.0/24
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT sourceIPAddress, actor, recipientAccountId, count(*) AS calls, count(errorCode) AS failed,
  count(CASE WHEN readOnly = false THEN 1 END) AS changes, min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE ip_in(sourceIPAddress, $networks) AND eventTime >= $since AND eventTime < $until
GROUP BY sourceIPAddress, actor, recipientAccountId
ORDER BY first, sourceIPAddress, actor
