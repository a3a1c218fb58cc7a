-- Data: secrets and parameters that were read, by principal
-- How many different secrets each principal asked for, from which address, and which; many at once are a sign of somebody who looks for more.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH asked AS (
  SELECT eventTime, eventSource, actor, recipientAccountId, sourceIPAddress, errorCode,
    coalesce(requestParameters.secretId, requestParameters.name, requestParameters.path,
      nullif(array_to_string(json_values(requestParameters, 'names[*]'), ' '), ''), '(not told)') AS secret
  FROM cloudtrail
  WHERE eventSource IN ('secretsmanager.amazonaws.com', 'ssm.amazonaws.com') AND eventTime >= $since AND eventTime < $until
    AND eventName IN ('GetSecretValue', 'BatchGetSecretValue', 'GetParameter', 'GetParameters', 'GetParametersByPath', 'GetParameterHistory')
)
SELECT actor, recipientAccountId, sourceIPAddress, eventSource, count(DISTINCT secret) AS secrets, count(*) AS calls,
  count(errorCode) AS failed, min(eventTime) AS first, max(eventTime) AS last,
  left(array_to_string(array_sort(array_agg(DISTINCT secret)), ', '), 400) AS names
FROM asked
GROUP BY actor, recipientAccountId, sourceIPAddress, eventSource
ORDER BY secrets DESC, calls DESC, actor, sourceIPAddress
