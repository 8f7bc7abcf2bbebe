-- Events of every source, each counted once however often it came.
SELECT channel, count(DISTINCT _id) AS events
FROM (
  SELECT 'web' AS channel, _id FROM retail_web_events
  UNION ALL SELECT 'app', _id FROM retail_app_events
  UNION ALL SELECT 'store', _id FROM retail_store_purchases
  UNION ALL SELECT 'calls', _id FROM retail_calls
)
GROUP BY 1
ORDER BY 1
