-- Who looked at products and did not buy within some hours after the last look: for reminders.
-- $events = web_events: table of events
-- $person = identityMap['ECID'][0].id: who did it
-- $from = current_date - 90: how far to look back
-- $hours = 24: how long after the last look a purchase still counts
-- $views = 2: looks it takes at least
SELECT
  person_id,
  views,
  last_view_at,
  last_page
FROM (
  SELECT
    person_id,
    count(CASE WHEN event_type = 'commerce.productViews' THEN 1 END) AS views,
    max(CASE WHEN event_type = 'commerce.productViews' THEN timestamp END) AS last_view_at,
    max(CASE WHEN event_type = 'commerce.purchases' THEN timestamp END) AS last_purchase_at,
    max_by(page_name, CASE WHEN event_type = 'commerce.productViews' THEN timestamp END) AS last_page
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
  GROUP BY person_id
)
WHERE views >= $views
  AND NOT coalesce(
    last_purchase_at >= last_view_at
    AND unix_timestamp(last_purchase_at) - unix_timestamp(last_view_at) <= $hours * 3600,
    false
  )
ORDER BY last_view_at DESC, person_id
