-- People: users who signed in without MFA
-- Sign-ins of IAM users and root users that worked without a second factor; people from an identity provider prove theirs there.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, recipientAccountId, actor, sourceIPAddress, country(sourceIPAddress) AS country, userAgent, eventID
FROM cloudtrail
WHERE eventSource = 'signin.amazonaws.com' AND eventName = 'ConsoleLogin' AND eventTime >= $since AND eventTime < $until
  AND userIdentity.type IN ('IAMUser', 'Root') AND responseElements.ConsoleLogin = 'Success'
  AND (additionalEventData.MFAUsed IS DISTINCT FROM 'Yes')
ORDER BY eventTime, eventID
