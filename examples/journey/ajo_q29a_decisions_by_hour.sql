-- Decisions of one activity, by the hour.
-- $decisions = ode_decisionevents_prod_decisioning: the table of decision events, named after its sandbox
-- $activity = xcore:offer-activity:1000000000000001: id of the activity
SELECT date_format(date_trunc('hour', timestamp), 'yyyy-MM-dd HH:mm:ss') AS hour, count(*) AS decisions
FROM (
  SELECT timestamp, explode(_experience.decisioning.propositionDetails) AS proposition
  FROM $decisions
)
WHERE proposition.activity.id = '$activity'
GROUP BY 1
ORDER BY 1
