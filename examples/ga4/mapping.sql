-- Google Analytics 4 export rows (table ga4_events) as XDM experience events.
-- $shift_days moves every time by whole days; $from_day and $to_day bound the events taken, by their moved day.
SELECT
  sha2(concat_ws('|', user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id, copy), 256) AS _id,
  timestamp_micros(event_timestamp + $shift_days * 86400000000) AS timestamp,
  CASE event_name
    WHEN 'page_view' THEN 'web.webpagedetails.pageViews'
    WHEN 'click' THEN 'web.webinteraction.linkClicks'
    WHEN 'view_item' THEN 'commerce.productViews'
    WHEN 'add_to_cart' THEN 'commerce.productListAdds'
    WHEN 'begin_checkout' THEN 'commerce.checkouts'
    WHEN 'purchase' THEN 'commerce.purchases'
    ELSE concat('ga4.', event_name)
  END AS eventType,
  IF(user_pseudo_id IS NULL, NULL,
    map('ECID', array(struct(user_pseudo_id AS id, 'ambiguous' AS authenticatedState, true AS `primary`)))) AS identityMap,
  struct(
    struct(
      filter(event_params, p -> p.key = 'page_title')[0].value.string_value AS name,
      filter(event_params, p -> p.key = 'page_location')[0].value.string_value AS URL,
      struct(IF(event_name = 'page_view', 1.0D, NULL) AS value) AS pageViews
    ) AS webPageDetails,
    struct(filter(event_params, p -> p.key = 'page_referrer')[0].value.string_value AS URL) AS webReferrer
  ) AS web,
  struct(
    traffic_source.name AS campaignName,
    concat_ws(':', traffic_source.source, traffic_source.medium) AS trackingCode
  ) AS marketing,
  struct(
    IF(traffic_source.medium IN ('<Other>', '(data deleted)'), NULL,
      concat_ws(' / ', traffic_source.source, traffic_source.medium)) AS typeAtSource,
    IF(traffic_source.medium = 'cpc', 'paid', 'owned') AS mediaType
  ) AS channel,
  struct(
    struct(
      IF(event_name = 'purchase', ecommerce.transaction_id, NULL) AS purchaseID,
      IF(event_name = 'purchase', ecommerce.purchase_revenue, NULL) AS priceTotal
    ) AS `order`,
    struct(IF(event_name = 'purchase', 1.0D, NULL) AS value) AS purchases,
    struct(IF(event_name = 'begin_checkout', 1.0D, NULL) AS value) AS checkouts,
    struct(IF(event_name = 'view_item', 1.0D, NULL) AS value) AS productViews,
    struct(IF(event_name = 'add_to_cart', 1.0D, NULL) AS value) AS productListAdds
  ) AS commerce,
  transform(items, item -> struct(
    item.item_id AS SKU,
    item.item_name AS name,
    item.quantity AS quantity,
    item.item_revenue AS priceTotal
  )) AS productListItems,
  struct(device.category AS type, device.mobile_brand_name AS manufacturer, device.mobile_model_name AS model) AS device,
  struct(struct(geo.country AS country, geo.region AS stateProvince, geo.city AS city) AS geo) AS placeContext
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY user_pseudo_id, event_timestamp, event_name, event_bundle_sequence_id ORDER BY event_timestamp
    ) AS copy
  FROM ga4_events
)
WHERE cast(timestamp_micros(event_timestamp + $shift_days * 86400000000) AS date) >= cast('$from_day' AS date)
  AND cast(timestamp_micros(event_timestamp + $shift_days * 86400000000) AS date) < cast('$to_day' AS date)
