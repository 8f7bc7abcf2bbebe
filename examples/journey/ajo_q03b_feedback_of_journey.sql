-- How the messages of a journey fared, by message.
-- $journey_version = b0000000-0000-4000-8000-000000000002: journeyVersionID
SELECT _experience.customerJourneyManagement.messageExecution.messageID AS message, _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus AS status, count(*) AS events
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.journeyVersionID = '$journey_version'
GROUP BY 1, 2
ORDER BY 1, 2
