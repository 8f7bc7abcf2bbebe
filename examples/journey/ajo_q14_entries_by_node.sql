-- How often each node of a journey was come to after the start.
-- $journey_version = b0000000-0000-4000-8000-000000000001: journeyVersionID
SELECT _experience.journeyOrchestration.stepEvents.nodeName AS node, count(DISTINCT _id) AS entries
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.journeyVersionID = '$journey_version'
  AND _experience.journeyOrchestration.stepEvents.journeyNodeProcessed
  AND _experience.journeyOrchestration.stepEvents.eventID IS DISTINCT FROM 'createInstance'
GROUP BY 1
ORDER BY 1
