-- Entries into journeys on each day.
SELECT date_format(timestamp, 'yyyy-MM-dd') AS day, count(DISTINCT _experience.journeyOrchestration.stepEvents.instanceID) AS entrants
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.entrance
GROUP BY 1
ORDER BY 1
