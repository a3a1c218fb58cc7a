-- Changes: regions that an account did not use in the weeks before
-- Account and region whose first call by somebody else than a service is within the range. The column `knownfrom` is the first event that it was compared with; if that is missing or late, new means little.
-- $before time = 35d: what was seen from then on is known
-- $since time = 7d: what is seen first from then on is new
-- $until time = now: only events before then
SELECT recipientAccountId, awsRegion, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls,
  count(errorCode) AS failed, count(CASE WHEN readOnly = false THEN 1 END) AS changes, min_by(actor, eventTime) AS firstactor,
  min_by(eventName, eventTime) AS firstcall,
  (SELECT min(eventTime) FROM cloudtrail WHERE eventTime >= $before AND eventTime < $since) AS knownfrom
FROM cloudtrail
WHERE eventTime >= $before AND eventTime < $until AND (userIdentity.type IS DISTINCT FROM 'AWSService') AND userIdentity.type IS NOT NULL
GROUP BY recipientAccountId, awsRegion
HAVING min(eventTime) >= $since
ORDER BY first, recipientAccountId, awsRegion
