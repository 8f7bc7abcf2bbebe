-- What the template data_feed writes to: the feed, and the log of how far it came. Run it once.
-- $feed = data_feed: table of the feed
-- $log = checkpoint_log: table of the log
-- $process = data_feed: the feed's name in the log
CREATE TABLE IF NOT EXISTS $log AS
SELECT
  cast(NULL AS string) AS process_name,
  cast(NULL AS string) AS process_status,
  cast(NULL AS string) AS last_batch_ingestion_time,
  cast(NULL AS timestamp) AS process_timestamp
WHERE false;

INSERT INTO $log
SELECT '$process', 'SUCCESSFUL', cast(NULL AS string), CURRENT_TIMESTAMP
WHERE NOT EXISTS (SELECT 1 FROM $log WHERE process_name = '$process');

CREATE TABLE IF NOT EXISTS $feed AS
SELECT
  cast(NULL AS string) AS event_id,
  cast(NULL AS string) AS person_id,
  cast(NULL AS timestamp) AS timestamp,
  cast(NULL AS string) AS event_type,
  cast(NULL AS string) AS page_name,
  cast(NULL AS string) AS first_channel,
  cast(NULL AS struct<timestamp_diff: bigint, num: int, is_new: boolean, depth: int>) AS session_data
WHERE false
