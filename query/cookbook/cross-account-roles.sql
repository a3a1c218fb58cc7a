-- Sessions: roles that were assumed from another account
-- Who asked for which role of which account, how often, and how often in vain; a call that both accounts recorded counts once.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
WITH asked AS (
  SELECT eventTime, errorCode, sourceIPAddress, requestParameters.roleArn AS role,
    coalesce(userIdentity.accountId, userIdentity.invokedBy) AS fromaccount, coalesce(sharedEventID, eventID) AS call,
    -- The account of the role is not told the name of a stranger.
    CASE WHEN userIdentity.type <> 'AWSAccount' THEN userIdentity.arn END AS caller
  FROM cloudtrail
  WHERE eventSource = 'sts.amazonaws.com' AND eventName = 'AssumeRole' AND eventTime >= $since AND eventTime < $until
    AND userIdentity.accountId <> arn_account(requestParameters.roleArn)
), once AS (
  SELECT call, min(eventTime) AS eventTime, max(errorCode) AS errorCode, max(sourceIPAddress) AS ip, role, fromaccount,
    max(caller) AS caller
  FROM asked GROUP BY call, role, fromaccount
)
SELECT fromaccount, caller, arn_account(role) AS toaccount, role, min(eventTime) AS first, max(eventTime) AS last,
  count(*) AS calls, count(errorCode) AS failed, array_to_string(array_sort(array_agg(DISTINCT ip)), ', ') AS addresses
FROM once
GROUP BY fromaccount, caller, role
ORDER BY first, role
