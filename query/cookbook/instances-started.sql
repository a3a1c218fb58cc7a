-- Resources: machines that were started, and where
-- EC2 and Lightsail instances with type, number and ids, in order of time, and tries that failed; miners look like this.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT eventTime, recipientAccountId, awsRegion, eventName, actor, sourceIPAddress, errorCode,
  coalesce(requestParameters.instanceType, requestParameters.bundleId) AS type,
  coalesce(requestParameters.maxCount, CAST(cardinality(json_values(requestParameters, 'instanceNames[*]')) AS VARCHAR)) AS asked,
  requestParameters.imageId AS image,
  array_to_string(json_values(responseElements, 'instancesSet.items[*].instanceId'), ', ') AS instances, eventID
FROM cloudtrail
WHERE eventName IN ('RunInstances', 'CreateInstances', 'CreateFleet', 'RequestSpotInstances', 'RequestSpotFleet', 'StartInstances')
  AND (userIdentity.type IS DISTINCT FROM 'AWSService') AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
