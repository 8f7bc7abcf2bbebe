-- Addresses that one execution failed to reach for one reason within some hours: the first hundred.
-- $execution = BMA-30647503: messageExecutionID of the send
-- $reason = MailboxFull: the reason
-- $hours = 24: how far to look back
-- $now = current_timestamp: the end of the time that is looked back to
SELECT DISTINCT _experience.customerJourneyManagement.emailChannelContext.address AS address
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.messageExecutionID = '$execution'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'bounce'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.reason = '$reason'
  AND timestamp >= $now - INTERVAL '$hours' HOUR
  AND timestamp < $now
ORDER BY 1
LIMIT 100
