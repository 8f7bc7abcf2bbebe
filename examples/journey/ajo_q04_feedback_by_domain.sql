-- Mail sent and bounced, by the domain of the recipient.
SELECT
  split_part(_experience.customerJourneyManagement.emailChannelContext.address, '@', 2) AS domain,
  count_if(_experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent') AS sent,
  count_if(_experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'bounce') AS bounced
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageProfile.channel._id = 'https://ns.adobe.com/xdm/channels/email'
  AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus IN ('sent', 'bounce')
GROUP BY 1
ORDER BY 1
