-- What recipients did with the mail of a journey, by message and kind.
-- $journey_version = b0000000-0000-4000-8000-000000000002: journeyVersionID
SELECT _experience.customerJourneyManagement.messageExecution.messageID AS message, _experience.customerJourneyManagement.messageInteraction.interactionType AS interaction, count(*) AS events
FROM ajo_email_tracking_experience_event_dataset
WHERE _experience.customerJourneyManagement.messageExecution.journeyVersionID = '$journey_version'
GROUP BY 1, 2
ORDER BY 1, 2
