-- Data: who used a key of KMS, and for what
-- Calls that name the key, by principal, call and the service that asked for it, with first and last time.
-- $key text: the id or ARN of the key, or its alias
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT actor, recipientAccountId, userIdentity.invokedBy AS service, eventName, count(*) AS calls, count(errorCode) AS failed,
  min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE eventSource = 'kms.amazonaws.com' AND eventTime >= $since AND eventTime < $until
  AND (strpos(requestParameters, $key) > 0 OR any_match(resources, r -> strpos(r.arn, $key) > 0))
GROUP BY actor, recipientAccountId, userIdentity.invokedBy, eventName
ORDER BY calls DESC, actor, eventName, recipientAccountId
