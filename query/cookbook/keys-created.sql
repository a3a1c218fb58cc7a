-- Credentials: keys and passwords that were made, and whether they were used
-- Access keys, console passwords and other lasting credentials, who made them for whom, and the first use of a new key; failed tries are there too.
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
WITH made AS (
  SELECT eventTime, actor, recipientAccountId, sourceIPAddress, eventName, errorCode, eventID,
    coalesce(requestParameters.userName, userIdentity.userName, userIdentity.type) AS madefor,
    coalesce(responseElements.accessKey.accessKeyId, responseElements.serviceSpecificCredential.serviceSpecificCredentialId) AS newkey
  FROM cloudtrail
  WHERE eventSource = 'iam.amazonaws.com' AND eventTime >= $since AND eventTime < $until
    AND eventName IN ('CreateAccessKey', 'UpdateAccessKey', 'CreateLoginProfile', 'UpdateLoginProfile', 'UploadSSHPublicKey',
      'UploadSigningCertificate', 'CreateServiceSpecificCredential', 'ResetServiceSpecificCredential')
), used AS (
  SELECT userIdentity.accessKeyId AS usedkey, min(eventTime) AS firstuse, count(*) AS calls
  FROM cloudtrail WHERE userIdentity.accessKeyId LIKE 'AKIA%' AND eventTime >= $since
  GROUP BY userIdentity.accessKeyId
)
SELECT eventTime, eventName, madefor, newkey, actor, recipientAccountId, sourceIPAddress, errorCode, firstuse,
  coalesce(calls, 0) AS calls, eventID
FROM made LEFT JOIN used ON newkey = usedkey
ORDER BY eventTime, eventID
