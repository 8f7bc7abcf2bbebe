-- Events that came twice, and that came more than a day late.
SELECT
  surface,
  count(*) - count(DISTINCT _id) AS doubled,
  count(DISTINCT CASE WHEN receivedTimestamp > timestamp + INTERVAL '1' DAY THEN _id END) AS late
FROM (
  SELECT 'web' AS surface, _id, timestamp, receivedTimestamp FROM retail_web_events
  UNION ALL SELECT 'app', _id, timestamp, receivedTimestamp FROM retail_app_events
)
GROUP BY 1
ORDER BY 1
