-- Proof: what the lake has logs of, by account and region
-- Log files, days and records that were read, and what could not be; a region without a file may have been silent, since CloudTrail writes no file for it then.
-- $since time = 1970-01-01: only log files from that day on
-- $until time = now: only log files before then
SELECT regexp_match(sourceFile, '/([0-9]{12})/CloudTrail')[1] AS account,
  regexp_match(sourceFile, '/CloudTrail[A-Za-z-]*/([a-z0-9-]+)/[0-9]{4}/')[1] AS region, count(*) AS logfiles, min(date) AS firstday, max(date) AS lastday,
  count(DISTINCT date) AS days, sum(written) AS events, sum(duplicate) AS duplicates, sum(filtered) AS filtered,
  sum(quarantined) AS quarantined, min(firstEventTime) AS firstevent, max(lastEventTime) AS lastevent
FROM logfiles
WHERE CAST(date AS TIMESTAMP) >= date_trunc('day', CAST($since AS TIMESTAMP)) AND CAST(date AS TIMESTAMP) < CAST($until AS TIMESTAMP)
GROUP BY 1, 2
ORDER BY account, region
