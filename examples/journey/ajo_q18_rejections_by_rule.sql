-- Rules because of which events were dropped.
SELECT ruleset, rule.name AS rule, count(*) AS discards
FROM (
  SELECT
    _experience.journeyOrchestration.serviceEvents.dispatcher.rejectedRuleset.name AS ruleset,
    explode(_experience.journeyOrchestration.serviceEvents.dispatcher.rejectedRuleset.rejectedRules) AS rule
  FROM journey_step_events
  WHERE _experience.journeyOrchestration.serviceEvents.dispatcher.eventCode = 'discard'
)
GROUP BY 1, 2
ORDER BY 1, 2
