-- Revenue by category of product, found in the lookup.
SELECT products.category, sum(sold.revenue) AS revenue
FROM (
  SELECT _id, max(productListItems[0].SKU) AS sku, max(productListItems[0].priceTotal) AS revenue
  FROM (
  SELECT 'web' AS channel, _id, productListItems FROM retail_web_events WHERE eventType = 'commerce.purchases'
  UNION ALL
  SELECT 'app', _id, productListItems FROM retail_app_events WHERE eventType = 'commerce.purchases'
  UNION ALL
  SELECT 'store', _id, productListItems FROM retail_store_purchases
  )
  GROUP BY _id
) sold
JOIN retail_products products ON products.SKU = sold.sku
GROUP BY 1
ORDER BY 1
