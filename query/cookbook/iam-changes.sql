-- Permissions: changes of users, roles, policies and accounts
-- Every call to IAM, Organizations, Identity Center and their kin that is not a mere look, failed tries too, in order of time.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, userIdentity.arn, recipientAccountId, sourceIPAddress, eventSource, eventName, errorCode,
  coalesce(requestParameters.userName, requestParameters.roleName, requestParameters.groupName, requestParameters.instanceProfileName) AS target,
  coalesce(requestParameters.policyArn, requestParameters.policyName) AS policy, left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE eventSource IN ('iam.amazonaws.com', 'organizations.amazonaws.com', 'sso.amazonaws.com', 'sso-directory.amazonaws.com',
    'identitystore.amazonaws.com', 'account.amazonaws.com', 'ram.amazonaws.com')
  AND (readOnly IS DISTINCT FROM true) AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
