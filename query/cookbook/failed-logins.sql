-- People: sign-ins that failed, and what came of them
-- Failed sign-ins by address and account with what was said, and the first sign-in from the same address that worked afterwards, if any.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH logins AS (
  SELECT eventTime, sourceIPAddress AS ip, recipientAccountId AS account, responseElements.ConsoleLogin AS result, errorMessage,
    coalesce(userIdentity.userName, userIdentity.arn, userIdentity.type) AS who
  FROM cloudtrail
  WHERE eventSource = 'signin.amazonaws.com' AND eventName = 'ConsoleLogin' AND eventTime >= $since AND eventTime < $until
), failed AS (
  SELECT ip, account, who, errorMessage, count(*) AS failures, min(eventTime) AS first, max(eventTime) AS last
  FROM logins WHERE result <> 'Success' GROUP BY ip, account, who, errorMessage
)
SELECT f.ip, country(f.ip) AS country, f.account, f.who, f.errorMessage, f.failures, f.first, f.last, min(l.eventTime) AS success
FROM failed f LEFT JOIN logins l ON l.ip = f.ip AND l.account = f.account AND l.result = 'Success' AND l.eventTime >= f.first
GROUP BY f.ip, f.account, f.who, f.errorMessage, f.failures, f.first, f.last
ORDER BY f.failures DESC, f.first, f.ip
