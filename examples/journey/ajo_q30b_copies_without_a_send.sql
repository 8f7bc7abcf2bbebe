-- Addresses of whose mail a copy went out, but not the mail itself: the first hundred.
-- $message = ae000000-0000-4000-8000-000000000005: messageID
SELECT address
FROM (
  SELECT _experience.customerJourneyManagement.secondaryRecipientDetail.originalRecipientAddress AS address
  FROM ajo_bcc_feedback_event_dataset
  WHERE _experience.customerJourneyManagement.messageExecution.messageID = '$message'
  EXCEPT
  SELECT _experience.customerJourneyManagement.emailChannelContext.address AS address
  FROM ajo_message_feedback_event_dataset
  WHERE _experience.customerJourneyManagement.messageExecution.messageID = '$message'
    AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent'
)
ORDER BY 1
LIMIT 100
