-- Messages sent to one person, and journeys he was in, within thirty days.
-- $profile = profile-0: profileID
-- $address = person0@mail.example: his address
-- $now = current_timestamp: the end of the time that is looked back to
SELECT
  (
    SELECT count(DISTINCT _experience.customerJourneyManagement.messageProfile.messageProfileID)
    FROM ajo_message_feedback_event_dataset
    WHERE identityMap['Email'][0].id = '$address'
      AND _experience.customerJourneyManagement.messageDeliveryfeedback.feedbackStatus = 'sent'
      AND timestamp >= $now - INTERVAL '30' DAY
      AND timestamp < $now
  ) AS messages,
  (
    SELECT count(DISTINCT _experience.journeyOrchestration.stepEvents.journeyVersionID)
    FROM journey_step_events
    WHERE _experience.journeyOrchestration.stepEvents.profileID = '$profile'
      AND timestamp >= $now - INTERVAL '30' DAY
      AND timestamp < $now
  ) AS journeys
