-- People: all that a user did
-- Every call of an IAM user or of a person in sessions of that name, in all accounts, in order of time.
-- $user text: the user name, e-mail address, session name or ARN
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE (userIdentity.userName = $user OR userIdentity.arn = $user OR split_part(userIdentity.principalId, ':', 2) = $user
    OR userIdentity.sessionContext.sourceIdentity = $user OR userIdentity.onBehalfOf.userId = $user)
  AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
