-- Sessions: the roles that a person or workload reached
-- Every session at the end of a chain that began with this identity, across accounts, with what was done in it.
-- $origin text: a user, role, e-mail address or ARN, or a part of one
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
WITH reached AS (
  SELECT * FROM actor_chain WHERE strpos(origin, $origin) > 0 AND issuedTime >= $since
), done AS (
  SELECT userIdentity.accessKeyId AS usedkey, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls,
    count(errorCode) AS failed, count(CASE WHEN readOnly = false THEN 1 END) AS changes
  FROM cloudtrail WHERE eventTime >= $since AND eventTime < $until AND userIdentity.accessKeyId IS NOT NULL
  GROUP BY userIdentity.accessKeyId
)
SELECT origin, originType, depth, session, accessKeyId, issuedTime, originIP, first, last, coalesce(calls, 0) AS calls,
  coalesce(failed, 0) AS failed, coalesce(changes, 0) AS changes
FROM reached LEFT JOIN done ON accessKeyId = usedkey
ORDER BY issuedTime, session, accessKeyId
