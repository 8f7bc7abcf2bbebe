-- Why people called.
SELECT call.reason, count(*) AS calls
FROM retail_calls
GROUP BY 1
ORDER BY 1
