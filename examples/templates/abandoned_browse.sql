-- Who looked at products and did not buy within some hours after the last look: for reminders.
-- $events = web_events: table of events
-- $person = identityMap['ECID'][0].id: who did it
-- $from = current_date - 90: how far to look back
-- $hours = 24: how long after the last look a purchase still counts
-- $views = 2: looks it takes at least
SELECT
  person_id,
  count(CASE WHEN event_type = 'commerce.productViews' THEN 1 END) AS views,
  last_view_at,
  max_by(page_name, CASE WHEN event_type = 'commerce.productViews' THEN timestamp END) AS last_page
FROM (
  SELECT
    person_id,
    timestamp,
    event_type,
    page_name,
    max(CASE WHEN event_type = 'commerce.productViews' THEN timestamp END) OVER (PARTITION BY person_id) AS last_view_at
  FROM (
    SELECT
      $person AS person_id,
      timestamp,
      eventType AS event_type,
      web.webPageDetails.name AS page_name
    FROM $events
    WHERE timestamp >= $from
  )
  WHERE person_id IS NOT NULL
)
GROUP BY person_id, last_view_at
HAVING count(CASE WHEN event_type = 'commerce.productViews' THEN 1 END) >= $views
  AND count(
    CASE
      WHEN event_type = 'commerce.purchases'
        AND timestamp >= last_view_at
        AND unix_timestamp(timestamp) - unix_timestamp(last_view_at) <= ($hours) * 3600
      THEN 1
    END
  ) = 0
ORDER BY last_view_at DESC, person_id
