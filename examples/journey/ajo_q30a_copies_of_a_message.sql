-- Copies of one message that went to a second recipient.
-- $message = ae000000-0000-4000-8000-000000000005: messageID
SELECT count(*) AS copies
FROM ajo_bcc_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.messageID = '$message'
  AND _experience.customerJourneyManagement.secondaryRecipientDetail.originalRecipientAddress IS NOT NULL
