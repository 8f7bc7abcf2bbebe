-- The events of people: without those of whoever did more in a short span than a person can.
-- $events = web_events: table of events
-- $person = identityMap['ECID'][0].id: who did it
-- $from = current_date - 90: how far to look back
-- $seconds = 60: the span
-- $events_max = 30: what a person does in it at most
SELECT
  event_id,
  person_id,
  timestamp,
  event_type,
  page_name
FROM (
  SELECT
    event_id,
    person_id,
    timestamp,
    event_type,
    page_name,
    max(events_in_span) OVER (PARTITION BY person_id) AS events_in_span_max
  FROM (
    SELECT
      event_id,
      person_id,
      timestamp,
      event_type,
      page_name,
      count(*) OVER (PARTITION BY person_id, floor(unix_timestamp(timestamp) / $seconds)) AS events_in_span
    FROM (
      SELECT
        _id AS event_id,
        $person AS person_id,
        timestamp,
        eventType AS event_type,
        web.webPageDetails.name AS page_name
      FROM $events
      WHERE timestamp >= $from
    )
    WHERE person_id IS NOT NULL
  )
)
WHERE events_in_span_max <= $events_max
ORDER BY person_id, timestamp, event_id
