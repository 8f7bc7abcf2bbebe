-- Buttons of push messages that were pressed, by platform.
SELECT
  _experience.customerJourneyManagement.pushChannelContext.platform AS platform,
  pushNotificationTracking.customAction.actionID AS button,
  count(*) AS events
FROM ajo_push_tracking_experience_event_dataset
WHERE eventType = 'pushTracking.customAction'
GROUP BY 1, 2
ORDER BY 1, 2
