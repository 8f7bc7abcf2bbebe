import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { allFaultPoints, forgetFaultPoints, armFaults, type FaultPoint } from '#base/faults.ts'
import { newBatchId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { createDatasets } from '../src/datasets/create-datasets.ts'
import { createSharedTables } from '../src/datasets/create-shared-tables.ts'
import { followSchema } from '../src/datasets/follow-schema.ts'
import type { Lake, LakeTable } from '../src/lake/lake.ts'
import { writerSilentMsMax } from '../src/lake/writes.ts'
import { connectMetadata } from '../src/metadata/connect.ts'
import type { Metadata } from '../src/metadata/metadata.ts'
import { createSchemas } from '../src/schemas/create-schemas.ts'
import { stringType, structType } from '../src/types/data-type.ts'
import { testCaller, type TestCaller } from './support/access.ts'
import { embeddedEngine } from './support/embedded-engine.ts'
import { hangingAt, testLake, type TestLake } from './support/lake.ts'
import { numberColumns, numbersOf, numberTable, overwriting, put, range } from './support/lake-numbers.ts'
import { ManualClock } from './support/manual-clock.ts'
import { changeElsewhere, firstChangeElsewhere } from './support/other-engine.ts'

const signal = new AbortController().signal
const start = '2026-06-01T00:00:00Z'
const clock = new ManualClock(start)
/** Where something died. */
const struck = new Set<FaultPoint>()

let place: TestLake
let access: TestCaller
beforeAll(async () => {
  place = await testLake({ clock, engine: await embeddedEngine() })
  access = await testCaller(place.metadata)
})
afterEach(() => armFaults(undefined))
afterAll(async () => {
  await place[Symbol.asyncDispose]()
  await place.engine[Symbol.asyncDispose]()
})

/** Who works on the lake: a process that dies over it, or the one that comes after. */
interface Worker {
  readonly lake: Lake
  readonly metadata: Metadata
}

/** One way a table changes, or its files do. */
interface Path {
  /** The points it passes, in order: at each of them it dies once. */
  readonly points: readonly FaultPoint[]
  /** Does it; again, it does what is left of it. */
  readonly act: (worker: Worker) => Promise<unknown>
  /** The table afterwards. */
  readonly rows: readonly number[]
  readonly table?: (worker: Worker) => Promise<LakeTable>
}

const write = ['lake.write.done', 'lake.commit.before', 'lake.commit.after'] as const
const rewrite = ['lake.rewrite.done', 'lake.commit.before', 'lake.commit.after'] as const
const change = ['lake.commit.before', 'lake.commit.after'] as const
const removal = ['lake.remove.before', 'lake.remove.middle'] as const

/** On a table of the numbers 0 to 9 that came in two commits. */
const paths: Readonly<Record<string, (table: LakeTable) => Promise<Path>>> = {
  append: async ({ id: tableId }) => {
    const request = { tableId, batchId: newBatchId(), signal }
    const source = { sql: rowsOf([10, 11]), files: [], pool: 'batch' as const }
    return {
      points: write,
      act: async ({ lake }) => await lake.append({ ...request, source }),
      rows: range(0, 12),
    }
  },
  overwrite: async (table) => {
    const request = overwriting(table, [20, 21], { sql: 'n < 3' })
    return {
      points: rewrite,
      act: async ({ lake }) => await lake.overwrite(request),
      rows: [...range(3, 10), 20, 21],
    }
  },
  delete: async ({ id: tableId }) => ({
    points: [...rewrite, ...removal],
    act: async ({ lake }) => await lake.deleteRows({ tableId, condition: { sql: 'n % 2 = 1' }, signal }),
    rows: [0, 2, 4, 6, 8],
  }),
  compaction: async ({ id: tableId }) => ({
    points: rewrite,
    act: async ({ lake }) => await lake.compact({ tableId, rule: { filesMin: 2 }, signal }),
    rows: range(0, 10),
  }),
  merge: async ({ id: tableId }) => ({
    points: ['lake.merge.done', ...change],
    act: async ({ lake }) =>
      await lake.mergeManifests({ tableId, manifestsMax: 1, manifestFilesMax: 9, signal }),
    rows: range(0, 10),
  }),
  expiry: async (table) => {
    await place.lake.overwrite(overwriting(table, [30], 'all'))
    return {
      points: [...change, ...removal],
      act: async ({ lake }) => await lake.expire({ tableId: table.id, retentionMs: -1_000, signal }),
      rows: [30],
    }
  },
  evolution: async ({ id: tableId }) => ({
    points: change,
    act: async ({ lake }) => {
      const { schema } = await lake.table(tableId)
      if (schema.fields.some(({ name }) => name === 'more')) return
      await lake.evolve({ tableId, changes: [{ kind: 'add', name: 'more', type: stringType }], signal })
    },
    rows: range(0, 10),
  }),
  'columns of a newer schema': async ({ id: tableId }) => ({
    points: ['lake.commit.before'],
    act: async ({ lake, metadata }) => {
      const schema = structType([...numberColumns.fields, { name: 'more', type: stringType }])
      await metadata.transaction(async (tx) => await lake.addColumns(tx, { tableId, schema }))
    },
    rows: range(0, 10),
  }),
  'external commit': async (table) => {
    const given = await changeElsewhere(place, table, [40, 41])
    return {
      points: change,
      act: async ({ lake }) => await lake.commit({ tableId: table.id, ...given, signal }),
      rows: [...range(0, 10), 40, 41],
    }
  },
  'first external commit': async () => {
    const { access: rights, caller } = access
    const sharedBy = ({ lake, metadata }: Worker) => {
      const schemas = createSchemas({
        metadata,
        access: rights,
        clock,
        columnsAdded: followSchema({ lake, clock }),
      })
      const datasets = createDatasets({ metadata, access: rights, lake, schemas, clock })
      const shared = createSharedTables({ metadata, access: rights, lake, datasets, schemas, clock })
      return { shared, datasets }
    }
    const name = `t${crypto.randomUUID().slice(0, 8)}`
    const request = { name, schema: numberColumns, dayColumn: 'timestamp', properties: {}, isStaged: true }
    const staged = await sharedBy(place).shared.create(caller, request)
    const given = await firstChangeElsewhere(place, { ...staged, schema: numberColumns }, [50, 51])
    return {
      // The schema and the dataset that the commit makes are on record with it.
      points: ['lake.commit.before', 'audit.recorded', 'audit.recorded', 'lake.commit.after'],
      act: async (worker) => {
        await sharedBy(worker).shared.commit(caller, name, { change: { isFirst: true, ...given }, signal })
      },
      rows: [50, 51],
      table: async (worker) => {
        const { datasets } = sharedBy(worker)
        const dataset = await datasets.find(caller, name)
        return await worker.lake.table(dataset!.tableId)
      },
    }
  },
  'sweep of a dead writer': async (table) => {
    const dead = place.another({ clock: new ManualClock(start) })
    await hangingAt('lake.write.done', () => dead.append({ ...requestOf(table), batchId: newBatchId() }))
    clock.advance(writerSilentMsMax + 1)
    return {
      points: ['lake.sweep.middle'],
      act: async ({ lake }) => await lake.sweep({ signal }),
      rows: range(0, 10),
    }
  },
  'sweep of a table that was staged for nothing': async (table) => {
    const { caller } = access
    await place.lake.stage({
      name: `t${crypto.randomUUID().slice(0, 8)}`,
      schema: numberColumns,
      sandboxId: caller.sandbox.id,
      principalId: caller.principal.id,
    })
    clock.advance(8 * 86_400_000)
    return {
      points: ['lake.stage.removed'],
      act: async ({ lake }) => await lake.sweep({ signal }),
      rows: await numbersOf(place, table),
    }
  },
  'sweep of files nobody knows': async ({ id: tableId, datasetId }) => {
    for (const name of ['a', 'b', 'c'])
      await writeFile(join(place.folder, datasetId, 'data', `${name}.parquet`), 'nobody knows me')
    return {
      points: ['lake.orphans.middle'],
      act: async ({ lake }) => await lake.removeOrphans({ tableId, ageMs: -1e12, signal }),
      rows: range(0, 10),
    }
  },
}

function rowsOf(numbers: readonly number[]): string {
  return `SELECT i::INTEGER, 'p', TIMESTAMPTZ '2026-01-02 00:00:00+00' FROM (SELECT unnest([${numbers.join(', ')}]) AS i)`
}

function requestOf({ id: tableId }: LakeTable) {
  return {
    tableId,
    columns: numberColumns,
    source: { sql: rowsOf([99]), files: [], pool: 'batch' as const },
    signal,
  }
}

async function tenNumbers(): Promise<LakeTable> {
  const table = await numberTable(place)
  await put(place, table, range(0, 5))
  await put(place, table, range(5, 10))
  return table
}

/** A process of its own: it has its own connections, and time stands still for it once it is dead. */
function mortal(): Worker & { die(): Promise<void> } {
  const name = `mortal_${crypto.randomUUID().slice(0, 8)}`
  const connectionString = `${place.metadata.databaseUrl}&application_name=${name}`
  const metadata = connectMetadata({ connection: { connectionString, max: 4 }, logger: silentLogger })
  const lake = place.another({ metadata, clock: new ManualClock(clock.now().toISOString()) })
  return {
    lake,
    metadata,
    // What the database sees of a death: its connections break, and what they had begun is undone.
    die: async () => {
      await sql`select pg_terminate_backend(pid, 10000) from pg_stat_activity
        where application_name = ${name} and datname = current_database()`.execute(place.metadata.db)
    },
  }
}

/** Does the work up to its passage through the nth point, and no further. Resolves to the points passed. */
async function upTo(nth: number, work: () => Promise<unknown>): Promise<FaultPoint[]> {
  const passed: FaultPoint[] = []
  const reached = Promise.withResolvers<void>()
  armFaults(async (point) => {
    if (passed.length > nth) return
    passed.push(point)
    if (passed.length <= nth) return
    reached.resolve()
    await new Promise(() => {}) // Dead.
  })
  const outcome = work()
  outcome.catch(() => {}) // Told by the race, or by nobody.
  await Promise.race([reached.promise, outcome])
  armFaults(undefined)
  return passed
}

test.each(Object.keys(paths))(
  '%s: whatever dies on the way, the next one does it once and whole',
  async (name) => {
    const points: FaultPoint[] = []
    for (let nth = 0; ; nth += 1) {
      const table = await tenNumbers()
      const path = await paths[name]!(table)
      const victim = mortal()
      const passed = await upTo(nth, () => path.act(victim))
      const isDead = passed.length > nth
      await victim.die()
      if (isDead) points.push(passed.at(-1)!)
      const heir: Worker = { lake: place.another(), metadata: place.metadata }
      // What was committed is seen, and nothing half.
      await path.act(heir)
      for (let sweep = 0; sweep < 2; sweep += 1) {
        clock.advance(writerSilentMsMax + 1)
        await heir.lake.sweep({ signal })
      }
      const changed = path.table ? await path.table(heir) : table
      const where = `after a death at ${passed.at(-1)} (${nth})`
      expect(await numbersOf(place, changed), where).toEqual(path.rows)
      const left = async (of: 'lake_writes' | 'lake_removals' | 'lake_staged_tables') =>
        await place.metadata.db.selectFrom(of).selectAll().execute()
      expect(
        [await left('lake_writes'), await left('lake_removals'), await left('lake_staged_tables')],
        where,
      ).toEqual([[], [], []])
      const orphans = await heir.lake.removeOrphans({ tableId: changed.id, ageMs: -1e12, signal })
      expect(orphans, where).toEqual({ filesRemoved: 0 })
      // It goes on.
      await heir.lake.append({ ...requestOf(changed), batchId: newBatchId() })
      expect(await numbersOf(place, changed), where).toEqual(
        [...path.rows, 99].toSorted((one, other) => one - other),
      )
      if (isDead) continue
      for (const point of points) struck.add(point)
      expect(points).toEqual(path.points)
      return
    }
  },
)

test('no fault point of the lake is without its row', () => {
  expect([...struck].filter((point) => point.startsWith('lake.')).sort()).toEqual(
    allFaultPoints
      .filter(
        (point) => point.startsWith('lake.') && !(forgetFaultPoints as readonly string[]).includes(point),
      )
      .sort(),
  )
})
