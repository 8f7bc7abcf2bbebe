-- Messages sent on each day.
SELECT date_format(date_trunc('day', timestamp), 'yyyy-MM-dd') AS day, count(*) AS sent
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent'
GROUP BY 1
ORDER BY 1
