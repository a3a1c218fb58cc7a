-- Resources: who touched a resource, first and last
-- One row for each principal and address, with how often it read, created, changed and deleted what has this in its name.
-- $resource text: its name, id or ARN, or a part of one, in the same letter case
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
WITH touched AS (
  SELECT eventTime, actor, recipientAccountId, sourceIPAddress, errorCode,
    CASE WHEN regexp_like(eventName, '^(Create|Run|Allocate|Register|Import|Copy|Restore)') THEN 'created'
    WHEN regexp_like(eventName, '^(Delete|Terminate|Remove|Deregister|Release|Purge|ScheduleKeyDeletion)') THEN 'deleted'
    WHEN readOnly THEN 'read' ELSE 'changed' END AS did
  FROM cloudtrail
  WHERE (strpos(requestParameters, $resource) > 0 OR strpos(responseElements, $resource) > 0
    OR any_match(resources, r -> strpos(r.arn, $resource) > 0))
    AND eventTime >= $since AND eventTime < $until
)
SELECT actor, recipientAccountId, sourceIPAddress, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls,
  count(errorCode) AS failed, count(CASE WHEN did = 'read' THEN 1 END) AS reads,
  count(CASE WHEN did = 'created' THEN 1 END) AS creates, count(CASE WHEN did = 'changed' THEN 1 END) AS changes,
  count(CASE WHEN did = 'deleted' THEN 1 END) AS deletes
FROM touched
GROUP BY actor, recipientAccountId, sourceIPAddress
ORDER BY deletes DESC, changes DESC, calls DESC, actor, sourceIPAddress
