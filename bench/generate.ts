import { DuckDBInstance } from '@duckdb/node-api'

export interface Generated {
  readonly file: string
  readonly rowCount: number
}

/**
 * Seeded web events as one Parquet file, the same for the same seed and count: users skewed (the busiest hundredth makes
 * about a third of the events), sessions with pauses, 2 % of events late by up to three days (they stand far from their
 * neighbours in the file), 0.5 % exact duplicates.
 *
 * Columns: `_id`, `timestamp`, `user_id`, `event_type`, `channel` (nullable), `page` struct, `value` double.
 */
export async function generateEvents(
  file: string,
  rowCount: number,
  seed: number,
  { days = 90 }: { readonly days?: number } = {},
): Promise<Generated> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  try {
    await connection.run("SET TimeZone = 'UTC'")
    const random = (salt: string): string => `(hash(i, ${seed}, '${salt}') % 1000003) / 1000003.0`
    const users = Math.max(100, Math.floor(rowCount / 50))
    await connection.run(`
      COPY (
        WITH base AS (
          SELECT
            -- Every 200th row repeats the one before it.
            CASE WHEN n % 200 = 199 THEN n - 1 ELSE n END AS i
          FROM range(${rowCount}) numbers(n)
        )
        SELECT
          md5(concat(i, '-', ${seed})) AS _id,
          make_timestamptz(
            1735689600000000                                                -- 2025-01-01
            + i * ${Math.floor((days * 86_400_000_000) / rowCount)}                            -- in order
            - CASE WHEN ${random('late')} < 0.02 THEN CAST(${random('lateness')} * 259200000000 AS BIGINT) ELSE 0 END
          ) AS "timestamp",
          'user-' || CAST(floor(pow(${random('user')}, 4) * ${users}) AS BIGINT) AS user_id,
          list_extract(['page_view', 'page_view', 'page_view', 'click', 'search', 'add_to_cart', 'checkout', 'purchase'],
            1 + CAST(floor(${random('type')} * 8) AS INTEGER)) AS event_type,
          CASE WHEN ${random('touch')} < 0.3
            THEN list_extract(['email', 'paid search', 'organic', 'social', 'direct'], 1 + CAST(floor(${random('channel')} * 5) AS INTEGER))
          END AS channel,
          {
            'name': 'page ' || CAST(floor(${random('page')} * 2000) AS INTEGER),
            'url': 'https://shop.example/p/' || CAST(floor(${random('page')} * 2000) AS INTEGER)
          } AS page,
          round(${random('value')} * 250, 2) AS value
        FROM base
      ) TO '${file}' (FORMAT parquet, COMPRESSION zstd)
    `)
    return { file, rowCount }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
