-- People who opened or clicked mail within twelve months.
-- $now = current_timestamp: the end of the time that is looked back to
SELECT count(DISTINCT identityMap['ECID'][0].id) AS people
FROM ajo_email_tracking_experience_event_dataset
WHERE _experience.customerJourneyManagement.messageInteraction.interactionType IN ('open', 'click')
  AND timestamp >= $now - INTERVAL '12' MONTH
  AND timestamp < $now
