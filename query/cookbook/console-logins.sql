-- People: sign-ins to the console, by country and address
-- Who signed in from where, with and without MFA, and how often it failed; the country needs --geoip.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT country(sourceIPAddress) AS country, sourceIPAddress, recipientAccountId, userIdentity.type,
  coalesce(split_part(userIdentity.arn, '/', -1), userIdentity.userName) AS who,
  count(CASE WHEN responseElements.ConsoleLogin = 'Success' THEN 1 END) AS succeeded,
  count(CASE WHEN responseElements.ConsoleLogin <> 'Success' THEN 1 END) AS failed,
  count(CASE WHEN additionalEventData.MFAUsed = 'Yes' THEN 1 END) AS withmfa, min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE eventSource = 'signin.amazonaws.com' AND eventName = 'ConsoleLogin' AND eventTime >= $since AND eventTime < $until
GROUP BY sourceIPAddress, recipientAccountId, userIdentity.type, userIdentity.arn, userIdentity.userName
ORDER BY country, succeeded DESC, sourceIPAddress, who, recipientAccountId
