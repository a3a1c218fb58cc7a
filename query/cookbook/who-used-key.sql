-- Credentials: who used an access key, from where, first and last
-- One row for each principal, address and tool that the key was used with, in order of first use; several addresses or tools for one key are how theft looks.
-- $key text: the access key, AKIA… or ASIA…
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT min(eventTime) AS first, max(eventTime) AS last, actor, userIdentity.type, sourceIPAddress,
  country(sourceIPAddress) AS country, userAgent, count(*) AS calls, count(errorCode) AS failed
FROM cloudtrail
WHERE userIdentity.accessKeyId = $key AND eventTime >= $since AND eventTime < $until
GROUP BY actor, userIdentity.type, sourceIPAddress, userAgent
ORDER BY first, sourceIPAddress
