-- Revenue of the web, the app and the stores; what came twice counts once.
SELECT channel, sum(revenue) AS revenue
FROM (
  SELECT channel, _id, max(productListItems[0].priceTotal) AS revenue
  FROM (
  SELECT 'web' AS channel, _id, productListItems FROM retail_web_events WHERE eventType = 'commerce.purchases'
  UNION ALL
  SELECT 'app', _id, productListItems FROM retail_app_events WHERE eventType = 'commerce.purchases'
  UNION ALL
  SELECT 'store', _id, productListItems FROM retail_store_purchases
  )
  GROUP BY channel, _id
)
GROUP BY 1
ORDER BY 1
