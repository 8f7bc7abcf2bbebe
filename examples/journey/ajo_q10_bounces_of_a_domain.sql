-- Bounces of one domain in a span, by the hour: was its provider out?
-- $domain = post.example: the domain
-- $from = current_timestamp - INTERVAL '30' DAY: begin
-- $to = current_timestamp: end
SELECT date_format(date_trunc('hour', timestamp), 'yyyy-MM-dd HH:mm:ss') AS hour, count(*) AS bounces
FROM ajo_message_feedback_event_dataset
WHERE _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'bounce'
  AND _experience.customerJourneyManagement.emailChannelContext.domain = '$domain'
  AND timestamp >= $from
  AND timestamp < $to
GROUP BY 1
ORDER BY 1
