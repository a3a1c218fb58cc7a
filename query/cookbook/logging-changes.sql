-- Changes: what was done to logs, alarms and detectors
-- Calls that change CloudTrail, Config, GuardDuty, Security Hub, CloudWatch, flow logs and the logging of buckets; who hides begins here.
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE ((eventSource IN ('cloudtrail.amazonaws.com', 'config.amazonaws.com', 'guardduty.amazonaws.com', 'securityhub.amazonaws.com',
      'logs.amazonaws.com', 'monitoring.amazonaws.com', 'access-analyzer.amazonaws.com', 'macie2.amazonaws.com',
      'inspector2.amazonaws.com', 'detective.amazonaws.com', 'events.amazonaws.com') AND (readOnly IS DISTINCT FROM true))
    OR eventName IN ('DeleteFlowLogs', 'PutBucketLogging', 'DeleteBucketLogging', 'DisableAWSServiceAccess'))
  AND eventName NOT IN ('PutEvaluations', 'PutLogEvents', 'PutMetricData', 'CreateLogStream', 'PutEvents')
  AND eventCategory = 'Management' AND (userIdentity.type IS DISTINCT FROM 'AWSService') AND eventTime >= $since AND eventTime < $until
ORDER BY eventTime, eventID
