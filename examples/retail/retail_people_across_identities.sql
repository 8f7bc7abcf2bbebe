-- People who signed in, under whatever number; those who did so under an earlier one; those who bought in a store too.
WITH signed_in AS (
  SELECT identityMap['CRMID'][0].id AS number FROM retail_web_events
  UNION
  SELECT identityMap['CRMID'][0].id FROM retail_app_events
), people AS (
  SELECT coalesce(links.customerID, signed_in.number) AS person, links.customerID IS NOT NULL AS is_earlier
  FROM signed_in
  LEFT JOIN retail_identity_links links
    ON links.namespace = 'CRMID' AND links.identity = signed_in.number
  WHERE signed_in.number IS NOT NULL
)
SELECT
  count(DISTINCT person) AS people,
  count(DISTINCT CASE WHEN is_earlier THEN person END) AS under_earlier_numbers,
  count(DISTINCT CASE WHEN person IN (SELECT identityMap['CRMID'][0].id FROM retail_store_purchases) THEN person END)
    AS also_in_stores
FROM people
