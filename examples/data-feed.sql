-- A data feed: every event with its session and its person's first channel, each event exactly once.
-- Sessions and first touch look back 90 days; only events that arrived since the last run are appended.
-- The lower bound is exclusive and the upper bound fixed before reading, so no event comes twice and none is missed.
$$ BEGIN
  SET drop_system_columns = false;

  SET @last_updated_timestamp = SELECT CURRENT_TIMESTAMP;

  SET @from_batch_ingestion_time = SELECT coalesce(last_batch_ingestion_time, 'HEAD')
    FROM checkpoint_log a
    JOIN (
      SELECT MAX(process_timestamp) AS process_timestamp
      FROM checkpoint_log
      WHERE process_name = 'data_feed' AND process_status = 'SUCCESSFUL'
    ) b
    ON a.process_timestamp = b.process_timestamp;

  SET @to_batch_ingestion_time = SELECT MAX(_acp_system_metadata.ingestTime) FROM web_events;

  INSERT INTO data_feed
  SELECT event_id, person_id, timestamp, event_type, page_name, first_channel, session_data
  FROM (
    SELECT
      event_id,
      person_id,
      timestamp,
      event_type,
      page_name,
      ATTRIBUTION_FIRST_TOUCH(timestamp, 'channel', channel_type) OVER (
        PARTITION BY person_id ORDER BY timestamp
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ).value AS first_channel,
      SESS_TIMEOUT(timestamp, 60 * 30) OVER (
        PARTITION BY person_id ORDER BY timestamp
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS session_data,
      ingest_time
    FROM (
      SELECT
        _id AS event_id,
        identityMap['ECID'][0].id AS person_id,
        timestamp,
        eventType AS event_type,
        web.webPageDetails.name AS page_name,
        channel.typeAtSource AS channel_type,
        _acp_system_metadata.ingestTime AS ingest_time
      FROM web_events
      WHERE timestamp >= current_date - 90
    )
    WHERE person_id IS NOT NULL
    ORDER BY person_id, timestamp
  ) AS feed
  WHERE feed.ingest_time > @from_batch_ingestion_time
    AND feed.ingest_time <= @to_batch_ingestion_time;

  INSERT INTO checkpoint_log
  SELECT
    'data_feed' process_name,
    'SUCCESSFUL' process_status,
    cast(@to_batch_ingestion_time AS string) last_batch_ingestion_time,
    cast(@last_updated_timestamp AS TIMESTAMP) process_timestamp
END $$;
