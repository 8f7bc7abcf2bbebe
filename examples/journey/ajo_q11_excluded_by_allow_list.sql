-- Messages of one execution that the allowed list kept back, and to how many people.
-- $execution = BMA-30647503: messageExecutionID of the send
SELECT count(*) AS messages, count(DISTINCT _experience.customerJourneyManagement.emailChannelContext.address) AS people
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.messageExecutionID = '$execution'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'exclude'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.messageExclusion.reason = 'EmailNotAllowed'
