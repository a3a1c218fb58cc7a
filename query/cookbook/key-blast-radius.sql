-- Credentials: what an access key reached, and what it left behind
-- Accounts, regions, services, addresses, resources, and the roles, users and keys that it assumed or made; go on with the keys among the answers.
-- $key text: the access key, AKIA… or ASIA…
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
WITH calls AS (
  SELECT * FROM cloudtrail WHERE userIdentity.accessKeyId = $key AND eventTime >= $since AND eventTime < $until
), touched AS (
  SELECT eventTime, errorCode, readOnly,
    unnest(make_array('1 account', '2 region', '3 service', '4 address', '5 bucket', '6 role assumed', '7 user made',
      '7 role made', '8 key made', '8 key issued')) AS ranked,
    unnest(make_array(recipientAccountId, awsRegion, eventSource, sourceIPAddress, requestParameters.bucketName,
      CASE WHEN eventName LIKE 'AssumeRole%' THEN requestParameters.roleArn END,
      CASE WHEN eventName = 'CreateUser' THEN requestParameters.userName END,
      CASE WHEN eventName = 'CreateRole' THEN requestParameters.roleName END,
      responseElements.accessKey.accessKeyId, responseElements.credentials.accessKeyId)) AS what
  FROM calls
  UNION ALL
  SELECT c.eventTime, c.errorCode, c.readOnly, '9 resource' AS ranked, r.arn AS what FROM calls c CROSS JOIN UNNEST(c.resources) AS t(r)
)
SELECT substr(ranked, 3) AS kind, what, min(eventTime) AS first, max(eventTime) AS last, count(*) AS calls,
  count(errorCode) AS failed, count(CASE WHEN readOnly = false THEN 1 END) AS changes
FROM touched WHERE what IS NOT NULL
GROUP BY ranked, what
ORDER BY ranked, calls DESC, what
