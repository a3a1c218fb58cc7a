-- Proof: whether a region was used, by account
-- A verdict for each account with the coverage of its logs: `not used` only if there are log files of every day that is asked about, and of several regions, so that the trail is one of all regions, and all their records were kept; `seenuntil` is the last event of the account; global services are recorded as us-east-1.
-- $region text: the region, such as sa-east-1
-- $since time = 30d: only events from then on
-- $until time = now: only events before then
WITH files AS (
  SELECT regexp_match(sourceFile, '/([0-9]{12})/CloudTrail')[1] AS account, count(DISTINCT date) AS days, count(*) AS files,
    count(DISTINCT regexp_match(sourceFile, '/CloudTrail/([a-z0-9-]+)/[0-9]{4}/')[1]) AS regions,
    sum(quarantined) + sum(filtered) + count(CASE WHEN state = 'quarantined' THEN 1 END) AS notkept, max(lastEventTime) AS seenuntil
  FROM logfiles
  WHERE CAST(date AS TIMESTAMP) >= date_trunc('day', CAST($since AS TIMESTAMP)) AND CAST(date AS TIMESTAMP) < CAST($until AS TIMESTAMP)
    AND sourceFile LIKE '%/CloudTrail%'
  GROUP BY 1
), asked AS (
  SELECT CAST(ceil((date_part('epoch', CAST($until AS TIMESTAMP)) - date_part('epoch', date_trunc('day', CAST($since AS TIMESTAMP)))) / 86400) AS BIGINT) AS days
), used AS (
  SELECT recipientAccountId AS account, count(*) AS calls, count(errorCode) AS failed,
    count(CASE WHEN userIdentity.type = 'AWSService' OR userIdentity.invokedBy IS NOT NULL THEN 1 END) AS byservices,
    min(eventTime) AS first, max(eventTime) AS last
  FROM cloudtrail WHERE awsRegion = $region AND eventTime >= $since AND eventTime < $until
  GROUP BY recipientAccountId
), joined AS (
  SELECT coalesce(f.account, u.account) AS account, calls, failed, byservices, first, last, files, regions, seenuntil,
    coalesce(days, 0) AS days, coalesce(notkept, 0) AS notkept
  FROM files f FULL JOIN used u ON f.account = u.account
)
SELECT account,
  CASE WHEN calls > 0 THEN 'used' WHEN j.days IS NULL THEN 'unknown: there are no logs'
    WHEN j.days < a.days THEN 'unknown: logs are missing' WHEN notkept > 0 THEN 'unknown: records were not kept'
    WHEN regions < 2 THEN 'unknown: logs of one region only' ELSE 'not used' END AS verdict,
  coalesce(calls, 0) AS calls, coalesce(failed, 0) AS failed, coalesce(byservices, 0) AS byservices, first, last,
  coalesce(files, 0) AS logfiles, coalesce(regions, 0) AS regionswithlogs, coalesce(j.days, 0) AS dayswithlogs,
  a.days AS daysasked, seenuntil, coalesce(notkept, 0) AS notkept
FROM asked a LEFT JOIN joined j ON true
ORDER BY account
