-- Every event with its session and its person's first channel, each exactly once: schedule it, and export the feed.
-- Sessions and first touch look back; only events that arrived since the last run are appended.
-- $events = web_events: table of events
-- $person = identityMap['ECID'][0].id: who did it
-- $from = current_date - 90: how far sessions and first touch look back
-- $channel = channel.typeAtSource: what an event came by
-- $minutes = 30: the silence that ends a session
-- $feed = data_feed: table of the feed
-- $log = checkpoint_log: table of the log
-- $process = data_feed: the feed's name in the log
$$ BEGIN
  SET drop_system_columns = false;

  SET @last_updated_timestamp = SELECT CURRENT_TIMESTAMP;

  SET @from_batch_ingestion_time = SELECT coalesce(last_batch_ingestion_time, 'HEAD')
    FROM $log a
    JOIN (
      SELECT MAX(process_timestamp) AS process_timestamp
      FROM $log
      WHERE process_name = '$process' AND process_status = 'SUCCESSFUL'
    ) b
    ON a.process_timestamp = b.process_timestamp
    WHERE a.process_name = '$process';

  SET @to_batch_ingestion_time = SELECT MAX(_acp_system_metadata.ingestTime) FROM $events;

  INSERT INTO $feed
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
      SESS_TIMEOUT(timestamp, 60 * $minutes) OVER (
        PARTITION BY person_id ORDER BY timestamp
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS session_data,
      ingest_time
    FROM (
      SELECT
        _id AS event_id,
        $person AS person_id,
        timestamp,
        eventType AS event_type,
        web.webPageDetails.name AS page_name,
        $channel AS channel_type,
        _acp_system_metadata.ingestTime AS ingest_time
      FROM $events
      WHERE timestamp >= $from
    )
    WHERE person_id IS NOT NULL
    ORDER BY person_id, timestamp
  ) AS feed
  WHERE feed.ingest_time > @from_batch_ingestion_time
    AND feed.ingest_time <= @to_batch_ingestion_time;

  INSERT INTO $log
  SELECT
    '$process' process_name,
    'SUCCESSFUL' process_status,
    cast(@to_batch_ingestion_time AS string) last_batch_ingestion_time,
    cast(@last_updated_timestamp AS TIMESTAMP) process_timestamp
END $$
