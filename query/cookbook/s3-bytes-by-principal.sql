-- Data: bytes read from S3, by principal
-- Bytes and objects that each principal took out of each bucket, and to which networks, the most first; it needs data events.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT actor, split_part(userIdentity.principalId, ':', 2) AS session, requestParameters.bucketName AS bucket,
  net24(sourceIPAddress) AS network, country(sourceIPAddress) AS country,
  CAST(sum(try_cast(additionalEventData.bytesTransferredOut AS DOUBLE)) AS BIGINT) AS bytesout, count(DISTINCT requestParameters.key) AS objects,
  count(*) AS reads, min(eventTime) AS first, max(eventTime) AS last
FROM cloudtrail
WHERE eventSource = 's3.amazonaws.com' AND eventName IN ('GetObject', 'SelectObjectContent', 'GetObjectTorrent') AND errorCode IS NULL
  AND eventTime >= $since AND eventTime < $until
GROUP BY actor, split_part(userIdentity.principalId, ':', 2), requestParameters.bucketName, net24(sourceIPAddress), country(sourceIPAddress)
ORDER BY bytesout DESC NULLS LAST, reads DESC, actor, bucket
