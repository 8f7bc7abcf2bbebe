-- Profiles that entered journeys one by one.
SELECT _experience.journeyOrchestration.stepEvents.journeyVersionName AS journey, count(DISTINCT _experience.journeyOrchestration.stepEvents.profileID) AS profiles
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.nodeType = 'start'
  AND _experience.journeyOrchestration.stepEvents.instanceType = 'unitary'
GROUP BY 1
ORDER BY 1
