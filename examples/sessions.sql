-- Per person: how many sessions (30 minutes of silence end one), how many events, and the channel of the first touch.
SELECT
  person_id,
  max(session.num) AS sessions,
  count(*) AS events,
  max(first_channel) AS first_channel
FROM (
  SELECT
    identityMap['ECID'][0].id AS person_id,
    SESS_TIMEOUT(timestamp, 60 * 30) OVER (
      PARTITION BY identityMap['ECID'][0].id ORDER BY timestamp
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS session,
    ATTRIBUTION_FIRST_TOUCH(timestamp, 'channel', channel.typeAtSource) OVER (
      PARTITION BY identityMap['ECID'][0].id ORDER BY timestamp
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ).value AS first_channel
  FROM web_events
  WHERE identityMap['ECID'][0].id IS NOT NULL
)
GROUP BY person_id
ORDER BY sessions DESC, events DESC, person_id
LIMIT 10
