-- Resources: what was opened to other accounts or to everyone
-- Snapshots, images, buckets, keys, functions, secrets, queues and topics that were shared with an account that is neither their own nor trusted.
-- $trusted account[] = none: accounts that may be shared with, with commas between them
-- $since time = 7d: only events from then on
-- $until time = now: only events before then
WITH shares AS (
  SELECT eventTime, eventSource, eventName, actor, userIdentity.arn, recipientAccountId, awsRegion, sourceIPAddress, requestParameters, eventID,
    CASE eventName
      WHEN 'ModifySnapshotAttribute' THEN array_concat(json_values(requestParameters, 'createVolumePermission.add.items[*].userId'),
        json_values(requestParameters, 'createVolumePermission.add.items[*].group'))
      WHEN 'ModifyImageAttribute' THEN array_concat(json_values(requestParameters, 'launchPermission.add.items[*].userId'),
        json_values(requestParameters, 'launchPermission.add.items[*].group'))
      WHEN 'ModifyDBSnapshotAttribute' THEN json_values(requestParameters, 'valuesToAdd[*]')
      WHEN 'ModifyDBClusterSnapshotAttribute' THEN json_values(requestParameters, 'valuesToAdd[*]')
      WHEN 'AddPermission20150331v2' THEN json_values(requestParameters, 'principal')
    END AS accounts,
    coalesce(requestParameters.bucketPolicy, requestParameters.policy, requestParameters.policyText, requestParameters.resourcePolicy,
      requestParameters.attributes.Policy, CASE WHEN requestParameters.attributeName = 'Policy' THEN requestParameters.attributeValue END) AS policy
  FROM cloudtrail
  WHERE eventName IN ('ModifySnapshotAttribute', 'ModifyImageAttribute', 'ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute',
      'AddPermission20150331v2', 'PutBucketPolicy', 'PutKeyPolicy', 'CreateKey', 'SetRepositoryPolicy', 'PutResourcePolicy',
      'SetTopicAttributes', 'SetQueueAttributes', 'CreateQueue', 'CreateTopic')
    AND errorCode IS NULL AND eventTime >= $since AND eventTime < $until
)
SELECT eventTime, eventSource, eventName, actor, arn, recipientAccountId, awsRegion, sourceIPAddress,
  CASE WHEN policy_public(policy) THEN 'everyone' ELSE coalesce(nullif(array_to_string(accounts, ', '), ''), 'see the policy') END AS sharedwith,
  left(requestParameters, 300) AS parameters, eventID
FROM shares
WHERE any_account_outside(accounts, recipientAccountId, $trusted) OR policy_public(policy)
  OR policy_outside(policy, recipientAccountId, $trusted)
ORDER BY eventTime, eventID
