-- Changes: API calls that were not made in the weeks before
-- Calls whose first time is within the range, and who made them first. The column `knownfrom` is the first event that it was compared with; if that is missing or late, new means little.
-- $before time = 35d: what was seen from then on is known
-- $since time = 7d: what is seen first from then on is new
-- $until time = now: only events before then
SELECT eventSource, eventName, min(eventTime) AS first, min_by(actor, eventTime) AS firstactor,
  min_by(sourceIPAddress, eventTime) AS firstaddress, count(*) AS calls, count(errorCode) AS failed, count(DISTINCT actor) AS actors,
  (SELECT min(eventTime) FROM cloudtrail WHERE eventTime >= $before AND eventTime < $since) AS knownfrom
FROM cloudtrail
WHERE eventTime >= $before AND eventTime < $until AND eventName IS NOT NULL
GROUP BY eventSource, eventName
HAVING min(eventTime) >= $since
ORDER BY first, eventSource, eventName
