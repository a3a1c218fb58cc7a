-- Credentials: lasting access keys in use
-- Keys of IAM users and of root users, which do not expire by themselves, with first and last use; a key that is not used at all has no row.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT userIdentity.accessKeyId, actor, recipientAccountId, min(eventTime) AS first, max(eventTime) AS last,
  count(*) AS calls, count(errorCode) AS failed, count(DISTINCT sourceIPAddress) AS addresses,
  count(DISTINCT eventSource) AS services
FROM cloudtrail
WHERE userIdentity.accessKeyId LIKE 'AKIA%' AND eventTime >= $since AND eventTime < $until
GROUP BY userIdentity.accessKeyId, actor, recipientAccountId
ORDER BY last DESC, 1
