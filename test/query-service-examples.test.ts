import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProduct, type Product } from './support/product.ts'

let home: string
let product: Product

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'query-service-'))
  product = await startProduct({ home })
  await product.run(`CREATE TABLE people AS SELECT * FROM VALUES
    (9999, 'nobody', 'Nowhere'), (10000, 'alexander', 'Vancouver'), (10001, 'antoine', 'Paris'),
    (10005, 'fernando', 'Santiago'), (10006, 'somebody', 'Somewhere') AS p(id, firstname, city)`)
})

afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

/** Those of the documentation's examples that need a session around the statement. */
describe('examples of the documentation', () => {
  it('prepared-execute', async () => {
    const rows = await product.rows(
      `PREPARE getIdRange AS SELECT * FROM people WHERE id >= $1 AND id <= $2;
       EXECUTE GETIDRANGE(10000, 10005);
       DEALLOCATE getIdRange`,
    )
    expect(rows.toSorted(([one], [other]) => Number(one) - Number(other))).toEqual([
      [10000, 'alexander', 'Vancouver'],
      [10001, 'antoine', 'Paris'],
      [10005, 'fernando', 'Santiago'],
    ])
  })

  it('show-datestyle', async () => {
    expect(await product.rows('SHOW DateStyle')).toEqual([['ISO, MDY']])
  })

  it('block-if-outside', async () => {
    await expect(product.rows('IF 1 = 1 THEN SELECT 1; END IF')).rejects.toThrow(
      /Invalid command outside Anonymous Block/,
    )
  })

  it('show-tables', async () => {
    const [[name, id] = []] = await product.rows('SHOW TABLES')
    expect(name).toBe('people')
    expect(id).toMatch(/^[0-9a-f]{24}$/)
  })
})

describe('sketches of distinct values', () => {
  it('are kept in tables, merged and estimated', async () => {
    await product.run(`CREATE TABLE daily AS
        SELECT 1 AS day, hll_build_agg('p' || id) AS sketch FROM range(0, 600);
      INSERT INTO daily SELECT 2 AS day, hll_build_agg('p' || id) AS sketch FROM range(300, 1000)`)
    const [[estimate] = []] = await product.rows('SELECT hll_estimate(hll_merge_agg(sketch)) FROM daily')
    expect(Number(estimate)).toBeGreaterThan(970)
    expect(Number(estimate)).toBeLessThan(1030)
  })
})

describe('Adobe-defined functions on stored tables', () => {
  it('become columns of a table', async () => {
    await product.run(`CREATE TABLE sessions AS
      SELECT who, at, SESS_TIMEOUT(at, 1800) OVER (PARTITION BY who ORDER BY at) AS session,
        ATTRIBUTION_FIRST_TOUCH(at, 'c', channel) OVER (PARTITION BY who ORDER BY at
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING).value AS first_channel
      FROM VALUES
        ('u1', TIMESTAMP '2024-01-01 10:00:00', NULL), ('u1', TIMESTAMP '2024-01-01 10:10:00', 'mail'),
        ('u1', TIMESTAMP '2024-01-01 10:50:00', 'ad'), ('u2', TIMESTAMP '2024-01-01 10:00:00', NULL)
        AS e(who, at, channel)`)
    const rows = await product.rows(
      `SELECT who, max(session.num), count(*), coalesce(max(first_channel), 'none') FROM sessions
       WHERE at >= '2024-01-01' GROUP BY who ORDER BY who`,
    )
    expect(rows).toEqual([
      ['u1', 2, 3, 'mail'],
      ['u2', 1, 1, 'none'],
    ])
  })
})
