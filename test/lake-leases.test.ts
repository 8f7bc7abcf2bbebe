import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newBatchId } from '#base/ids.ts'
import type { LakeTable, ScanPlan } from '#lake/lake.ts'
import { openRows } from '#query/rows/engine-rows.ts'
import { Gate } from '#query/gate.ts'
import type { Scope } from '#query/scope.ts'
import { putLakesOn, testLake, type TestLake } from './support/lake.ts'
import { numbersOf, numberTable, put, range } from './support/lake-numbers.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const signal = new AbortController().signal

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(async () => {
  putLakesOn(undefined)
  await server?.[Symbol.asyncDispose]()
})

async function planOf({ lake }: TestLake, { id: tableId }: LakeTable): Promise<ScanPlan> {
  return await lake.plan({ tableId, snapshotId: (await lake.snapshot(tableId))?.snapshotId })
}

/** A table of about 90 000 bytes, in one file. */
async function largeTable(place: TestLake): Promise<LakeTable> {
  const table = await numberTable(place)
  const text = "(SELECT string_agg(md5((i * 1000 + k)::VARCHAR), '') FROM range(0, 520) r(k))"
  const sql = `SELECT i::INTEGER, ${text}, TIMESTAMPTZ '2026-01-01 00:00:00+00' FROM range(0, 10) t(i)`
  await place.append(table, sql)
  return table
}

/** As much of a session as a statement needs in the engine. */
function scopeOf({ engine, lake }: TestLake, gate: Gate): Scope {
  const scope = {
    services: { engine, lake, limits: { statementTimeoutMs: 20_000, batchTimeoutMs: 20_000 } },
    gate,
    caller: { principal: { id: 'ann' } },
    properties: new Map(),
    pool: 'interactive',
    signal,
  }
  return scope as unknown as Scope
}

describe.skipIf(!hasS3Server)('statements over a lake on S3 with little room', () => {
  test('take turns, also those that must write their rows again', { timeout: 120_000 }, async () => {
    putLakesOn({ server, cacheBytes: 150_000 })
    await using place = await testLake()
    const [target, ...sources] = [
      await numberTable(place),
      await largeTable(place),
      await largeTable(place),
      await largeTable(place),
    ]
    const plans = await Promise.all(sources.map(async (source) => await planOf(place, source)))
    for (const plan of plans) expect(plan.bytes).toBeGreaterThan(75_000)
    // Each has room for itself alone, writes as many bytes, and overtakes the others.
    const results = await Promise.all(
      plans.map(async (plan) => {
        const source = {
          sql: `SELECT * FROM ${plan.sql}`,
          files: [],
          lakeFiles: plan.files,
          pool: 'batch',
        } as const
        return await place.lake.append({ tableId: target.id, batchId: newBatchId(), source, signal })
      }),
    )
    expect(results.map(({ rowCount }) => rowCount)).toEqual([10, 10, 10])
    expect(new Set(results.map(({ ingestTimeMs }) => ingestTimeMs)).size).toBe(3)
    expect((await place.lake.snapshot(target.id))?.rowCount).toBe(30)
  })

  test(
    'wait for files before they take a place, which who holds files needs to go on',
    { timeout: 60_000 },
    async () => {
      putLakesOn({ server, cacheBytes: 150_000 })
      await using place = await testLake()
      const [one, other] = [await largeTable(place), await largeTable(place)]
      const gate = new Gate({ insideMax: 1, waitingMax: 10 })
      const openOf = async (table: LakeTable) => {
        const plan = await planOf(place, table)
        const columns = table.schema.fields
        const planned = {
          columns,
          sql: plan.sql,
          files: plan.files,
          engine: 'duckdb' as const,
          tables: [],
          datasetIds: [],
          scans: [],
          isOrdered: false,
        }
        return await openRows(scopeOf(place, gate), planned, {
          encoding: { kind: 'jsonRows' },
          cap: undefined,
        })
      }
      const all = { rowCountMax: 100, bytesMax: 10_000_000 }
      await using first = await openOf(one)
      let [isOpen, isWriting] = [false, false]
      const second = openOf(other).finally(() => (isOpen = true))
      const plan = await planOf(place, other)
      const written = place.lake.append({
        tableId: one.id,
        batchId: newBatchId(),
        source: {
          sql: `SELECT * FROM ${plan.sql}`,
          files: [],
          lakeFiles: plan.files,
          pool: 'interactive',
          inTurn: async (work) => {
            isWriting = true
            using _place = await gate.enter('ann', signal)
            return await work()
          },
        },
        signal,
      })
      await delay(300)
      expect([isOpen, isWriting]).toEqual([false, false])
      expect(await first.pull(all)).toMatchObject({ rowCount: 10, state: 'done' })
      await using rows = await second
      expect(await rows.pull(all)).toMatchObject({ rowCount: 10, state: 'done' })
      expect(await written).toMatchObject({ rowCount: 10 })
    },
  )

  test('are refused when they can never have room, and change nothing', { timeout: 60_000 }, async () => {
    putLakesOn({ server, cacheBytes: 50_000 })
    await using place = await testLake()
    const large = await largeTable(place)
    const { files } = await planOf(place, large)
    await expect(place.lake.lease(files, { signal })).rejects.toMatchObject({
      code: 'query.scan_too_large',
      hint: expect.stringContaining('lake.cacheBytes'),
    })
    const small = await numberTable(place)
    await put(place, small, range(0, 5))
    expect(await numbersOf(place, small)).toEqual(range(0, 5))
  })

  test('stop waiting for room when they are cancelled', { timeout: 60_000 }, async () => {
    putLakesOn({ server, cacheBytes: 150_000 })
    await using place = await testLake()
    const [one, other] = [await largeTable(place), await largeTable(place)]
    using _held = await place.lake.lease((await planOf(place, one)).files, { signal })
    const controller = new AbortController()
    const reason = new Error('not wanted any more')
    const { sql, files } = await planOf(place, other)
    const waiting = place.lake.append({
      tableId: one.id,
      batchId: newBatchId(),
      source: { sql, files: [], lakeFiles: files, pool: 'batch' },
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(reason), 200)
    await expect(waiting).rejects.toBe(reason)
    expect((await place.lake.snapshot(one.id))?.rowCount).toBe(10)
    expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
  })
})
