-- How the messages of one execution fared.
-- $execution = BMA-30647503: messageExecutionID of the send
SELECT _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus AS status, count(*) AS events
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.messageExecutionID = '$execution'
GROUP BY 1
ORDER BY 1
