-- Resources: who read, wrote and deleted an object
-- Every call that names the object or a version of it, in order of time; it needs data events, and a copy names its source in x-amz-copy-source only.
-- $bucket text: the bucket
-- $object text: the key of the object, whole and in the same letter case
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT eventTime, eventName, actor, userIdentity.arn, recipientAccountId, sourceIPAddress, userAgent, errorCode,
  requestParameters.versionId AS version, additionalEventData.bytesTransferredOut AS bytesout, eventID
FROM cloudtrail
WHERE eventSource = 's3.amazonaws.com' AND requestParameters.bucketName = $bucket AND requestParameters.key = $object
  AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
