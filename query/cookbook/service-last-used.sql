-- Proof: when each service was used first and last, by account
-- What nobody uses can be forbidden; calls by services of AWS in the name of others are counted apart.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT recipientAccountId, eventSource, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls,
  count(CASE WHEN userIdentity.type = 'AWSService' OR userIdentity.invokedBy IS NOT NULL THEN 1 END) AS byservices,
  count(errorCode) AS failed, count(DISTINCT actor) AS principals, count(DISTINCT awsRegion) AS regions
FROM cloudtrail
WHERE eventSource IS NOT NULL AND eventTime >= $since AND eventTime < $until
GROUP BY recipientAccountId, eventSource
ORDER BY recipientAccountId, eventSource
