-- What companies bought in stores, by their industry.
SELECT accounts.industry, sum(purchases.commerce.order.priceTotal) AS revenue
FROM retail_store_purchases purchases
JOIN retail_accounts accounts ON accounts.accountID = purchases.accountID
GROUP BY 1
ORDER BY 1
