-- Permissions: calls that failed, by principal
-- What was refused or went wrong, how often, and one of the messages; a sudden new kind of failure tells of somebody new.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT actor, recipientAccountId, eventSource, eventName, errorCode, count(*) AS calls, count(DISTINCT awsRegion) AS regions,
  count(DISTINCT sourceIPAddress) AS addresses, min(eventTime) AS first, max(eventTime) AS last, left(min(errorMessage), 200) AS example
FROM cloudtrail
WHERE errorCode IS NOT NULL AND eventTime >= $since AND eventTime < $until
GROUP BY actor, recipientAccountId, eventSource, eventName, errorCode
ORDER BY calls DESC, actor, eventSource, eventName, errorCode, recipientAccountId
