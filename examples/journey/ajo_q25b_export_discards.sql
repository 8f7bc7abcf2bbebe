-- Why profiles were not taken along by exports of audiences.
SELECT _experience.journeyOrchestration.serviceEvents.segmentExportJob.eventCode AS code, count(*) AS profiles
FROM journey_step_events
WHERE _experience.journeyOrchestration.serviceEvents.segmentExportJob.eventType = 'segmenttrigger-orchestrator'
  AND _experience.journeyOrchestration.serviceEvents.segmentExportJob.eventCode LIKE 'ERROR%'
  AND _experience.journeyOrchestration.profile.ID IS NOT NULL
GROUP BY 1
ORDER BY 1
