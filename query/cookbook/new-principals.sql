-- Changes: users, roles and services that were not seen in the weeks before
-- Principals whose first call is within the range, with what they did. The column `knownfrom` is the first event that it was compared with; if that is missing or late, new means little.
-- $before time = 35d: what was seen from then on is known
-- $since time = 7d: what is seen first from then on is new
-- $until time = now: only events before then
SELECT actor, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls, count(errorCode) AS failed,
  count(CASE WHEN readOnly = false THEN 1 END) AS changes, count(DISTINCT eventSource) AS services,
  min_by(eventName, eventTime) AS firstcall, min_by(sourceIPAddress, eventTime) AS firstaddress,
  (SELECT min(eventTime) FROM cloudtrail WHERE eventTime >= $before AND eventTime < $since) AS knownfrom
FROM cloudtrail
WHERE eventTime >= $before AND eventTime < $until AND actor IS NOT NULL
GROUP BY actor
HAVING min(eventTime) >= $since
ORDER BY first, actor
