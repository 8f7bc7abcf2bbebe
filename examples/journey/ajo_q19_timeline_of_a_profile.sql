-- Every step of one profile, in order of time.
-- $profile = profile-0: profileID
SELECT
  date_format(timestamp, 'yyyy-MM-dd HH:mm:ss') AS at,
  _experience.journeyOrchestration.stepEvents.journeyVersionName AS journey,
  _experience.journeyOrchestration.stepEvents.nodeName AS node,
  _experience.journeyOrchestration.stepEvents.stepStatus AS status
FROM journey_step_events
WHERE _experience.journeyOrchestration.stepEvents.profileID = '$profile'
ORDER BY 1, 2, 3, 4
