-- Offers proposed within thirty days, with their priority.
-- $decisions = ode_decisionevents_prod_decisioning: the table of decision events, named after its sandbox
-- $now = current_timestamp: the end of the time that is looked back to
SELECT
  offers._experience.decisioning.name AS offer,
  offers._experience.decisioning.ranking.priority AS priority,
  count(*) AS proposals
FROM (
  SELECT explode(proposition.selections) AS selection
  FROM (
    SELECT explode(_experience.decisioning.propositionDetails) AS proposition
    FROM $decisions
    WHERE timestamp >= $now - INTERVAL '30' DAY
      AND timestamp < $now
  )
) proposed
JOIN decision_object_repository_personalized_offers offers ON offers._id = proposed.selection.id
GROUP BY 1, 2
ORDER BY 1, 2
