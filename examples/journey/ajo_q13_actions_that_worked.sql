-- Actions of journeys that went well, by name.
SELECT _experience.journeyOrchestration.stepEvents.actionName AS action, count(*) AS events
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.actionID IS NOT NULL
  AND _experience.journeyOrchestration.stepEvents.actionExecutionError IS NULL
  AND _experience.journeyOrchestration.stepEvents.fetchError IS NULL
GROUP BY 1
ORDER BY 1
