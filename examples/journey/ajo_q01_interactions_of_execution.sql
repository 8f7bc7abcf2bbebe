-- What recipients did with the mail of one execution, by kind.
-- $execution = BMA-30647503: messageExecutionID of the send
SELECT _experience.customerJourneyManagement.messageInteraction.interactionType AS interaction, count(*) AS events
FROM ajo_email_tracking_experience_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.messageExecutionID = '$execution'
GROUP BY 1
ORDER BY 1
