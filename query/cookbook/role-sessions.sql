-- Sessions: the sessions of a role
-- One row for each session, key and address, in order of first use; names of sessions are chosen by who assumes the role.
-- $role text: the role, by name or ARN
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT min(eventTime) AS first, max(eventTime) AS last, userIdentity.arn AS session, userIdentity.accessKeyId,
  sourceIPAddress, userIdentity.sessionContext.sourceIdentity AS sourceidentity, count(*) AS calls,
  count(errorCode) AS failed, count(CASE WHEN readOnly = false THEN 1 END) AS changes
FROM cloudtrail
WHERE (userIdentity.sessionContext.sessionIssuer.arn = $role OR userIdentity.sessionContext.sessionIssuer.userName = $role)
  AND eventTime >= $since AND eventTime < $until
GROUP BY userIdentity.arn, userIdentity.accessKeyId, sourceIPAddress, userIdentity.sessionContext.sourceIdentity
ORDER BY first, session, sourceIPAddress
