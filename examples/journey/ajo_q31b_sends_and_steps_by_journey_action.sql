-- Messages sent by each action of journeys beside the steps that came to it.
SELECT entity.action, entity.subject, sends.sent, steps.steps
FROM (
  -- A publication has two rows.
  SELECT DISTINCT
    _experience.customerJourneyManagement.entities.channelDetails.messageID AS message,
    _experience.customerJourneyManagement.entities.journey.journeyActionID AS action_id,
    _experience.customerJourneyManagement.entities.journey.journeyActionName AS action,
    _experience.customerJourneyManagement.entities.channelDetails.email.subject AS subject
  FROM ajo_entity_dataset
  WHERE _experience.customerJourneyManagement.entities.journey.journeyActionID IS NOT NULL
) entity
JOIN (
  SELECT _experience.customerJourneyManagement.messageExecution.messageID AS message, count(*) AS sent
  FROM ajo_message_feedback_event_dataset
  WHERE _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent'
  GROUP BY 1
) sends ON sends.message = entity.message
JOIN (
  SELECT _experience.journeyOrchestration.stepEvents.actionID AS action_id, count(DISTINCT _id) AS steps
  FROM journey_step_events
  WHERE _experience.journeyOrchestration.stepEvents.actionID IS NOT NULL
  GROUP BY 1
) steps ON steps.action_id = entity.action_id
ORDER BY 1
