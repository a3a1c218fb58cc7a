-- Credentials: all that root users did
-- Every call as root, in order of time, those that failed too; what a service did in the name of root is left out.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE userIdentity.type = 'Root' AND userIdentity.invokedBy IS NULL AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
