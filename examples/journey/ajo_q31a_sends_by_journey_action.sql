-- Messages sent by each action of journeys, with the subject.
SELECT entity.action, entity.subject, count(*) AS sent
FROM ajo_message_feedback_event_dataset feedback
JOIN (
  -- A publication has two rows.
  SELECT DISTINCT
    _experience.customerJourneyManagement.entities.channelDetails.messageID AS message,
    _experience.customerJourneyManagement.entities.journey.journeyActionID AS action_id,
    _experience.customerJourneyManagement.entities.journey.journeyActionName AS action,
    _experience.customerJourneyManagement.entities.channelDetails.email.subject AS subject
  FROM ajo_entity_dataset
  WHERE _experience.customerJourneyManagement.entities.journey.journeyActionID IS NOT NULL
) entity ON entity.message = feedback._experience.customerJourneyManagement.messageExecution.messageID
WHERE feedback._experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent'
GROUP BY 1, 2
ORDER BY 1
