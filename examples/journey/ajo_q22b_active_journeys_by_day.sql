-- Journeys in which something happened, on each day.
SELECT date_format(timestamp, 'yyyy-MM-dd') AS day, count(DISTINCT _experience.journeyOrchestration.stepEvents.journeyVersionID) AS journeys
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.journeyVersionID IS NOT NULL
GROUP BY 1
ORDER BY 1
