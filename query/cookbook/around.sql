-- Changes: what changed around a time
-- Every call that is not a mere look, some minutes before and after, in order of time; data events are left out, since they change objects and not the set-up.
-- $at time: the time, such as 2026-03-17T09:00Z
-- $within duration = 15m: how far before and after
SELECT eventTime, actor, recipientAccountId, awsRegion, eventSource, eventName, sourceIPAddress, errorCode,
  left(requestParameters, 200) AS parameters, eventID
FROM cloudtrail
WHERE eventTime >= CAST($at AS TIMESTAMP) - CAST(concat($within, ' seconds') AS INTERVAL)
  AND eventTime <= CAST($at AS TIMESTAMP) + CAST(concat($within, ' seconds') AS INTERVAL)
  AND (readOnly IS DISTINCT FROM true) AND (eventCategory IS DISTINCT FROM 'Data')
ORDER BY eventTime, eventID
