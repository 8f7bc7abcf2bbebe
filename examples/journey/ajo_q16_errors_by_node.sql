-- Errors of actions and lookups, by the node they came up at.
SELECT _experience.journeyOrchestration.stepEvents.journeyVersionName AS journey, _experience.journeyOrchestration.stepEvents.nodeName AS node, count(DISTINCT _id) AS errors
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.actionExecutionError IS NOT NULL
  OR _experience.journeyOrchestration.stepEvents.actionExecutionErrorCode IS NOT NULL
  OR _experience.journeyOrchestration.stepEvents.actionExecutionOriginError IS NOT NULL
  OR _experience.journeyOrchestration.stepEvents.actionExecutionOriginCode NOT LIKE '2%'
  OR _experience.journeyOrchestration.stepEvents.fetchError IS NOT NULL
  OR _experience.journeyOrchestration.stepEvents.fetchErrorCode IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2
