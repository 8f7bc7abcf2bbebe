-- What brought the purchases: by the first and the last channel that each buyer came by up to the purchase.
-- $events = web_events: table of events
-- $person = identityMap['ECID'][0].id: who did it
-- $from = current_date - 90: how far to look back
-- $channel = channel.typeAtSource: what an event came by; NULL where it says nothing
-- $conversion = commerce.purchases: type of the events that count
SELECT
  first_channel,
  last_channel,
  count(*) AS conversions,
  count(DISTINCT person_id) AS people
FROM (
  SELECT
    person_id,
    event_type,
    ATTRIBUTION_FIRST_TOUCH(timestamp, 'channel', channel_type) OVER (
      PARTITION BY person_id ORDER BY timestamp
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ).value AS first_channel,
    ATTRIBUTION_LAST_TOUCH(timestamp, 'channel', channel_type) OVER (
      PARTITION BY person_id ORDER BY timestamp
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ).value AS last_channel
  FROM (
    SELECT
      $person AS person_id,
      timestamp,
      eventType AS event_type,
      $channel AS channel_type
    FROM $events
    WHERE timestamp >= $from
  )
  WHERE person_id IS NOT NULL
)
WHERE event_type = '$conversion'
GROUP BY first_channel, last_channel
ORDER BY conversions DESC, first_channel, last_channel
