-- People: what a user did, in short
-- Calls of a user by account, service and name of call, with how many failed, and first and last time.
-- $user text: the user name, e-mail address, session name or ARN
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT recipientAccountId, eventSource, eventName, readOnly, count(*) AS calls, count(errorCode) AS failed,
  min(eventTime) AS first, max(eventTime) AS last,
  array_to_string(array_sort(array_agg(DISTINCT sourceIPAddress)), ', ') AS addresses
FROM cloudtrail
WHERE (userIdentity.userName = $user OR userIdentity.arn = $user OR split_part(userIdentity.principalId, ':', 2) = $user
    OR userIdentity.sessionContext.sourceIdentity = $user OR userIdentity.onBehalfOf.userId = $user)
  AND eventTime >= $since AND eventTime < $until
GROUP BY recipientAccountId, eventSource, eventName, readOnly
ORDER BY readOnly, calls DESC, eventSource, eventName, recipientAccountId
