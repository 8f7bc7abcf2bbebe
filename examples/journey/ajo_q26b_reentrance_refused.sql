-- Entries refused because the profile had been in the journey already.
SELECT _experience.journeyOrchestration.journey.name AS journey, count(*) AS refused
FROM journey_step_events
WHERE _experience.journeyOrchestration.serviceEvents.stateMachine.eventCode = 'reentranceNotAllowed'
GROUP BY 1
ORDER BY 1
