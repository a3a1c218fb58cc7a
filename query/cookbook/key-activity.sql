-- Credentials: all that was done with an access key
-- Every call, in order of time; `trailhound run event --id …` has the whole of one.
-- $key text: the access key, AKIA… or ASIA…
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE userIdentity.accessKeyId = $key AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
