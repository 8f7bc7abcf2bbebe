-- Events that journeys dropped, by the service that did.
SELECT _experience.journeyOrchestration.serviceType AS service, count(*) AS discards
FROM journey_step_events
WHERE _experience.journeyOrchestration.serviceEvents.dispatcher.eventCode = 'discard'
  OR _experience.journeyOrchestration.serviceEvents.stateMachine.eventType = 'discard'
GROUP BY 1
ORDER BY 1
