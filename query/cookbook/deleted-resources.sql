-- Resources: what was deleted, and by whom
-- Deletions that worked, by principal and kind, the most first; what services of AWS did by themselves is left out.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT actor, split_part(userIdentity.principalId, ':', 2) AS session, recipientAccountId, awsRegion, eventSource, eventName,
  count(*) AS deletions, min(eventTime) AS first, max(eventTime) AS last, left(min(requestParameters), 120) AS example
FROM cloudtrail
WHERE regexp_like(eventName, '^(Delete|Terminate|Deregister|Remove|Purge|ScheduleKeyDeletion|DisableKey|EmptyRecycleBin)')
  AND errorCode IS NULL AND (userIdentity.type IS DISTINCT FROM 'AWSService') AND userIdentity.invokedBy IS NULL
  AND eventTime >= $since AND eventTime < $until
GROUP BY actor, split_part(userIdentity.principalId, ':', 2), recipientAccountId, awsRegion, eventSource, eventName
ORDER BY deletions DESC, first, eventName
