import { describe, expect, it } from 'vitest'
import { compiledSql } from './support/compiled-sql.ts'

const orders = `VALUES ('UA', 'customer_id_1'), ('CZ', 'customer_id_2'), ('CZ', 'customer_id_2'),
  ('BR', 'customer_id_3'), ('UA', 'customer_id_2'), ('BR', NULL), ('BR', '') AS orders(country, customer)`

/** What the documentation of hypercubes prints for these rows. */
const printed = [
  ['BR', 'AgEHBAMAAQCcmH0HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=='],
  ['CZ', 'AgEHBAMAAQC6UooJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=='],
  ['UA', 'AgEHBAMAAgCR9mUEulKKCQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=='],
]

describe('sketches of distinct values', () => {
  it('are those that the documentation prints', async () => {
    using sql = await compiledSql()
    const { rows } = await sql.run(
      `SELECT country, hll_build_agg(customer, 4) AS sketch FROM ${orders} GROUP BY country ORDER BY country`,
    )
    expect(rows).toEqual(printed)
  })

  it('are built and merged from rows in FROM, as the documentation writes them', async () => {
    using sql = await compiledSql()
    const invoices = `EXPLODE(ARRAY<STRUCT<country STRING, customer_id STRING, invoice_id STRING>>[
      ('UA', 'customer_id_1', 'invoice_id_11'), ('CZ', 'customer_id_2', 'invoice_id_22'),
      ('CZ', 'customer_id_2', 'invoice_id_23'), ('BR', 'customer_id_3', 'invoice_id_31'),
      ('UA', 'customer_id_2', 'invoice_id_24')])`
    const ofCountries = `SELECT country, hll_build_agg(customer_id, 4) AS sketch FROM ${invoices} GROUP BY country`
    expect((await sql.run(`${ofCountries} ORDER BY country`)).rows).toEqual(printed)
    const merged = `SELECT hll_estimate(hll_merge_agg(sketch)) FROM (${ofCountries} UNION ${ofCountries})`
    expect((await sql.run(merged)).rows).toEqual([[3]])
    expect(
      (await sql.run(`SELECT * FROM ${invoices} AS i WHERE i.invoice_id LIKE '%1' AND col.country > 'C'`))
        .rows,
    ).toEqual([['(UA,customer_id_1,invoice_id_11)']])
  })

  it('merge, and are estimated with two decimals', async () => {
    using sql = await compiledSql()
    const { rows } = await sql.run(`
      CREATE TABLE sketches AS
        SELECT country, hll_build_agg(customer, 10) AS sketch FROM ${orders} GROUP BY country;
      SELECT country, hll_estimate(sketch) FROM sketches
      UNION ALL SELECT 'all', hll_estimate(hll_merge_agg(sketch)) FROM sketches ORDER BY 1`)
    expect(rows).toEqual([
      ['BR', 1],
      ['CZ', 1],
      ['UA', 2],
      ['all', 3],
    ])
  })

  it('of no rows hold nothing', async () => {
    using sql = await compiledSql()
    const { rows } = await sql.run(
      `SELECT hll_estimate(hll_build_agg(customer)), hll_merge_agg(customer), hll_estimate(NULL) FROM ${orders} WHERE false`,
    )
    expect(rows).toEqual([[0, null, null]])
  })

  it('of different sizes merge only where it is said', async () => {
    using sql = await compiledSql()
    const of = (allowed: string): string =>
      `SELECT hll_estimate(hll_merge_agg(s${allowed})) FROM (
         SELECT hll_build_agg(customer, 4) AS s FROM ${orders}
         UNION ALL SELECT hll_build_agg('x' || customer, 12) FROM ${orders})`
    await expect(sql.run(of(''))).rejects.toThrow(/lgConfigK 4 and 12/)
    expect((await sql.run(of(', true'))).rows).toEqual([[7]])
  })

  it('count whole numbers of any width alike, and over windows', async () => {
    using sql = await compiledSql()
    const { rows } = await sql.run(`
      SELECT DISTINCT hll_sketch_estimate(hll_sketch_agg(id) OVER ()), hll_sketch_estimate(hll_union(
        (SELECT hll_sketch_agg(CAST(id AS INT)) FROM range(50)), (SELECT hll_sketch_agg(id) FROM range(100))))
      FROM range(80)`)
    expect(rows).toEqual([[80, 100]])
  })

  it.each([3, 13, 'NULL', 'id'])('refuse %s as their size', async (size) => {
    using sql = await compiledSql()
    await expect(sql.run(`SELECT hll_build_agg('x', ${size}) FROM range(1)`)).rejects.toThrow(
      /lgConfigK of a sketch is a constant from 4 to 12/,
    )
  })

  it('that are none are refused', async () => {
    using sql = await compiledSql()
    await expect(sql.run(`SELECT hll_estimate('hello')`)).rejects.toThrow(/no HLL sketch/)
  })
})
