-- Resources: who created, changed and deleted a resource
-- Calls that name it anywhere in what was asked, answered or touched, in order of time, failed tries too; `--reads true` adds those that only look.
-- $resource text: its name, id or ARN, or a part of one, in the same letter case
-- $reads bool = false: whether to show calls that only look
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, CASE WHEN regexp_like(eventName, '^(Create|Run|Allocate|Register|Import|Copy|Restore)') THEN 'created'
    WHEN regexp_like(eventName, '^(Delete|Terminate|Remove|Deregister|Release|Purge|ScheduleKeyDeletion)') THEN 'deleted'
    WHEN readOnly THEN 'read' ELSE 'changed' END AS did, eventSource, eventName, actor, userIdentity.arn, recipientAccountId, awsRegion, sourceIPAddress,
  errorCode, left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE (strpos(requestParameters, $resource) > 0 OR strpos(responseElements, $resource) > 0
    OR any_match(resources, r -> strpos(r.arn, $resource) > 0))
  AND ((readOnly IS DISTINCT FROM true) OR $reads) AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
