-- What the endpoints of custom actions answered, and calls a second.
-- $from = current_timestamp - INTERVAL '30' DAY: begin
-- $to = current_timestamp: end
SELECT
  _experience.journeyOrchestration.stepEvents.actionOriginEndpoint AS endpoint,
  count(*) AS calls,
  count_if(_experience.journeyOrchestration.stepEvents.actionExecutionOriginCode LIKE '2%') AS done,
  count_if(_experience.journeyOrchestration.stepEvents.actionExecutionOriginCode LIKE '4%') AS refused,
  count_if(_experience.journeyOrchestration.stepEvents.actionExecutionOriginCode LIKE '5%') AS failed,
  count_if(_experience.journeyOrchestration.stepEvents.actionExecutionError = 'timedout') AS timed_out,
  count_if(_experience.journeyOrchestration.stepEvents.actionExecutionError = 'capped') AS capped,
  count(*) / datediff(second, $from, $to) AS calls_a_second
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.actionType = 'customHttpAction'
  AND timestamp >= $from
  AND timestamp < $to
GROUP BY 1
ORDER BY 1
