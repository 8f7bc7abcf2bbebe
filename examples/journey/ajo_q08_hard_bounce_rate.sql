-- Hard bounces of mail as a share of what was sent.
SELECT sent, hard_bounces, hard_bounces / sent AS rate
FROM (
  SELECT
    count_if(_experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent') AS sent,
    count_if(_experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'bounce' AND _experience.customerJourneyManagement.messageDeliveryfeedback.messageFailure.type = 'Hard') AS hard_bounces
  FROM ajo_message_feedback_event_dataset
  WHERE _experience.customerJourneyManagement.messageProfile.channel._id = 'https://ns.adobe.com/xdm/channels/email'
)
