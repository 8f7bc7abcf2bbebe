-- What the data feed writes to: its output and the log of how far it came, seeded with a run that has seen nothing.
CREATE TABLE IF NOT EXISTS checkpoint_log AS
SELECT
  cast(NULL AS string) AS process_name,
  cast(NULL AS string) AS process_status,
  cast(NULL AS string) AS last_batch_ingestion_time,
  cast(NULL AS timestamp) AS process_timestamp
WHERE false;

INSERT INTO checkpoint_log
SELECT 'data_feed', 'SUCCESSFUL', cast(NULL AS string), CURRENT_TIMESTAMP
WHERE NOT EXISTS (SELECT 1 FROM checkpoint_log WHERE process_name = 'data_feed');

CREATE TABLE IF NOT EXISTS data_feed AS
SELECT
  cast(NULL AS string) AS event_id,
  cast(NULL AS string) AS person_id,
  cast(NULL AS timestamp) AS timestamp,
  cast(NULL AS string) AS event_type,
  cast(NULL AS string) AS page_name,
  cast(NULL AS string) AS first_channel,
  cast(NULL AS struct<timestamp_diff: bigint, num: int, is_new: boolean, depth: int>) AS session_data
WHERE false;
