-- Entries that came to one node and not yet to the next.
-- $journey_version = b0000000-0000-4000-8000-000000000003: journeyVersionID
-- $node = Wait five days: name of the node
-- $next = Back: name of the next one
SELECT count(*) AS waiting
FROM (
  SELECT _experience.journeyOrchestration.stepEvents.instanceID
  FROM journey_step_events
  WHERE _experience.journeyOrchestration.stepEvents.journeyVersionID = '$journey_version' AND _experience.journeyOrchestration.stepEvents.nodeName = '$node'
  EXCEPT
  SELECT _experience.journeyOrchestration.stepEvents.instanceID
  FROM journey_step_events
  WHERE _experience.journeyOrchestration.stepEvents.journeyVersionID = '$journey_version' AND _experience.journeyOrchestration.stepEvents.nodeName = '$next'
)
