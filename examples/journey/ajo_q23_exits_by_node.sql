-- Where and how profiles left journeys.
SELECT
  _experience.journeyOrchestration.stepEvents.journeyVersionName AS journey,
  _experience.journeyOrchestration.stepEvents.nodeName AS node,
  _experience.journeyOrchestration.stepEvents.stepStatus AS status,
  count(DISTINCT _experience.journeyOrchestration.stepEvents.instanceID) AS exits
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.instanceEnded
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
