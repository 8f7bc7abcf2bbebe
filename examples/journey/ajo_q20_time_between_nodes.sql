-- Seconds from one node of a journey to another: least, average, most.
-- $journey_version = b0000000-0000-4000-8000-000000000001: journeyVersionID
-- $first = Greet: name of the first node
-- $second = Loyalty status: name of the second node
SELECT min(seconds) AS least, avg(seconds) AS average, max(seconds) AS most
FROM (
  SELECT datediff(second, one.timestamp, other.timestamp) AS seconds
  FROM journey_step_events one
  JOIN journey_step_events other
    ON one._experience.journeyOrchestration.stepEvents.instanceID = other._experience.journeyOrchestration.stepEvents.instanceID
  WHERE one._experience.journeyOrchestration.stepEvents.journeyVersionID = '$journey_version'
    AND one._experience.journeyOrchestration.stepEvents.nodeName = '$first'
    AND other._experience.journeyOrchestration.stepEvents.nodeName = '$second'
)
