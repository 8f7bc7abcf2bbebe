-- What became of the mail to one address in seven days, and why.
-- $address = person0@mail.example: the address
-- $now = current_timestamp: the end of the time that is looked back to
SELECT
  date_format(timestamp, 'yyyy-MM-dd HH:mm:ss') AS at,
  _experience.customerJourneyManagement.messageExecution.messageExecutionID AS execution,
  _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus AS status,
  coalesce(_experience.customerJourneyManagement.messageDeliveryfeedback.messageExclusion.reason, _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.reason) AS reason,
  _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.type AS type
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.emailChannelContext.address = '$address'
  AND timestamp >= $now - INTERVAL '7' DAY
  AND timestamp < $now
ORDER BY 1, 2, 3
