import { DuckDBInstance } from '@duckdb/node-api'

/** Times one statement in a DuckDB of its own with all cores, as somebody would run it by hand. */
export async function timeInDuckdb(sql: string): Promise<{ seconds: number; rows: unknown[][] }> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const startedAt = performance.now()
    const result = await connection.runAndReadAll(sql)
    return { seconds: (performance.now() - startedAt) / 1000, rows: result.getRowsJson() }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** Sessions by a 30-minute pause and first touch, as an analyst would write them for DuckDB. */
export function handWrittenSessions(source: string): string {
  return `
    WITH flagged AS (
      SELECT
        user_id,
        "timestamp",
        first_value(channel IGNORE NULLS) OVER (
          PARTITION BY user_id ORDER BY "timestamp" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS first_channel,
        coalesce(epoch_us("timestamp") - lag(epoch_us("timestamp")) OVER (PARTITION BY user_id ORDER BY "timestamp")
          >= 1800000000, true) AS is_new
      FROM ${source}
    ),
    numbered AS (
      SELECT *, sum(is_new::INTEGER) OVER (
        PARTITION BY user_id ORDER BY "timestamp" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS num
      FROM flagged
    )
    SELECT count(*), sum(is_new::INTEGER), max(num), count(first_channel) FROM numbered`
}

/** The same question in the dialect of the product. */
export const dialectSessions = `
  SELECT count(*), sum(cast(session.is_new AS int)), max(session.num), count(first_channel)
  FROM (
    SELECT
      SESS_TIMEOUT(timestamp, 60 * 30) OVER (
        PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS session,
      ATTRIBUTION_FIRST_TOUCH(timestamp, 'channel', channel) OVER (
        PARTITION BY user_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ).value AS first_channel
    FROM events
  )`
