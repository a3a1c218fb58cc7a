-- Addresses: all that came from an address
-- Every call, in order of time, of whomever.
-- $ip text: the address, as CloudTrail writes it
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE sourceIPAddress = $ip AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
