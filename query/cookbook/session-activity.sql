-- Sessions: all that was done in a session of a role
-- Every call, in order of time; a name alone finds the sessions of this name of all roles.
-- $session text: the session, by name or ARN (arn:aws:sts::…:assumed-role/…)
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE (userIdentity.arn = $session OR (userIdentity.type = 'AssumedRole' AND split_part(userIdentity.principalId, ':', 2) = $session))
  AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
