-- Purchases by the day on the calendar of the stores, whose days have 23 or 25 hours twice a year.
-- $zone = Europe/Berlin: the zone of the stores
SELECT date_format(from_utc_timestamp(timestamp, '$zone'), 'yyyy-MM-dd') AS day, count(*) AS purchases
FROM retail_store_purchases
GROUP BY 1
ORDER BY 1
