-- Exports of audiences: how they ended, how many they took along, and minutes they took.
SELECT
  _experience.journeyOrchestration.serviceEvents.segmentExportJob.ID AS job,
  max(_experience.journeyOrchestration.serviceEvents.segmentExportJob.eventCode) AS outcome,
  max(_experience.journeyOrchestration.serviceEvents.segmentExportJob.exportCountTotal) AS total,
  max(_experience.journeyOrchestration.serviceEvents.segmentExportJob.exportCountRealized) AS realized,
  max(_experience.journeyOrchestration.serviceEvents.segmentExportJob.exportCountFailed) AS failed,
  datediff(
    minute,
    min(CASE WHEN _experience.journeyOrchestration.serviceEvents.segmentExportJob.status = 'queued' THEN timestamp END),
    max(CASE WHEN _experience.journeyOrchestration.serviceEvents.segmentExportJob.status = 'finished' THEN timestamp END)
  ) AS minutes
FROM journey_step_events
WHERE _experience.journeyOrchestration.serviceEvents.segmentExportJob.ID IS NOT NULL
  AND _experience.journeyOrchestration.profile.ID IS NULL
GROUP BY 1
ORDER BY 1
