-- Resources: who used a bucket, and how
-- Calls by principal, address and kind, with the number of objects and the bytes that went out; reads of objects are there only if the trail records data events.
-- $bucket text: the bucket
-- $since time = 1970-01-01: only events from then on
-- $until time = now: only events before then
SELECT actor, recipientAccountId, sourceIPAddress, eventName, count(*) AS calls, count(errorCode) AS failed,
  count(DISTINCT requestParameters.key) AS objects,
  CAST(sum(coalesce(try_cast(additionalEventData.bytesTransferredOut AS DOUBLE), 0)) AS BIGINT) AS bytesout, min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE eventSource = 's3.amazonaws.com' AND requestParameters.bucketName = $bucket AND eventTime >= $since AND eventTime < $until
GROUP BY actor, recipientAccountId, sourceIPAddress, eventName
ORDER BY calls DESC, actor, sourceIPAddress, eventName
