-- Why mail bounced for good.
SELECT _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.reason AS reason, count(*) AS bounces
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageProfile.channel._id = 'https://ns.adobe.com/xdm/channels/email'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'bounce'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.type = 'Hard'
GROUP BY 1
ORDER BY 1
