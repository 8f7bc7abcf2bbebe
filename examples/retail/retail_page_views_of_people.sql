-- Page views on the web, without devices that do more in an hour than people can.
-- $events_max = 60: how many events people make in an hour
SELECT count(DISTINCT _id) AS page_views
FROM retail_web_events
WHERE eventType = 'web.webpagedetails.pageViews'
  AND identityMap['ECID'][0].id NOT IN (
    SELECT device
    FROM (
      SELECT identityMap['ECID'][0].id AS device, date_trunc('hour', timestamp) AS hour
      FROM retail_web_events
    )
    GROUP BY device, hour
    HAVING count(*) > $events_max
  )
