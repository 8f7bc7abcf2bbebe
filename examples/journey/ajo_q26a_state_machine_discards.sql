-- Entries that the state machine refused, by its code.
SELECT
  _experience.journeyOrchestration.serviceEvents.stateMachine.eventCode AS code,
  count(*) AS discards,
  count(DISTINCT _experience.journeyOrchestration.profile.ID) AS profiles
FROM journey_step_events
WHERE _experience.journeyOrchestration.serviceEvents.stateMachine.eventType = 'discard'
GROUP BY 1
ORDER BY 1
