import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { fc } from './fast-check.ts'
import { newBatchId, type SnapshotId } from '../../src/base/ids.ts'
import type { AppendResult, LakeTable } from '../../src/lake/lake.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { embeddedEngine } from './embedded-engine.ts'
import { filesBelow, testLake, type TestLake } from './lake.ts'
import { changeElsewhere } from './other-engine.ts'
import { numbersOf, numbersSql, numberTable, overwriting, put } from './lake-numbers.ts'

const signal = new AbortController().signal
const hour = 3_600_000
const rule = { filesMin: 2 }

/** What happens to a table, in any order. `pick` chooses among what is there at the time. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 0, max: 6 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('appendBeside' as const),
      count: fc.integer({ min: 1, max: 4 }),
      beside: fc.constantFrom('append' as const, 'compact' as const, 'merge' as const, 'expire' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('overwriteAll' as const),
      count: fc.integer({ min: 0, max: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('overwriteSome' as const, 'delete' as const),
      modulus: fc.integer({ min: 2, max: 5 }),
      count: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('external' as const), count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'compact' as const,
        'merge' as const,
        'expire' as const,
        'sweep' as const,
        'wait' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('pin' as const, 'read' as const, 'increment' as const),
      pick: fc.nat(99),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
export const stepsArbitrary = fc.array(step, { minLength: 3, maxLength: 14 })

interface State {
  /** Number → sequence of the commit that brought it in. */
  rows: Map<number, number>
  readonly snapshots: Map<SnapshotId, { readonly numbers: readonly number[]; readonly atMs: number }>
  pinned: SnapshotId | undefined
  next: number
}

/** Time that goes on by itself a little, and by hours when told. */
function steppedClock(): Clock & { advance(spanMs: number): void } {
  let ahead = 0
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: (spanMs, given) => systemClock.sleep(spanMs, given),
    advance: (spanMs) => void (ahead += spanMs),
  }
}

/** A lake for many tables, each of which has a life by `runSteps`, one after the other. */
export interface ModelPlace extends AsyncDisposable {
  runSteps(steps: readonly Step[]): Promise<void>
}

export async function modelPlace(): Promise<ModelPlace> {
  await using stack = new AsyncDisposableStack()
  const clock = steppedClock()
  const engine = stack.use(await embeddedEngine())
  const place = stack.use(await testLake({ clock, engine }))
  const opened = stack.move()
  return {
    runSteps: async (steps) => await runSteps({ place, clock }, steps),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Does the steps to a real table and to a map of numbers; after each of them both must say the same. */
async function runSteps(
  { place, clock }: { readonly place: TestLake; readonly clock: ReturnType<typeof steppedClock> },
  steps: readonly Step[],
): Promise<void> {
  const table = await numberTable(place)
  const state: State = { rows: new Map(), snapshots: new Map(), pinned: undefined, next: 0 }
  for (const one of steps) {
    await take(place, table, { state, one, clock })
    await compare(place, table, state)
  }
  for (const snapshotId of state.snapshots.keys()) await readAt(place, table, state, snapshotId)
  const left = async (name: 'lake_writes' | 'lake_removals') =>
    await place.metadata.db.selectFrom(name).selectAll().execute()
  expect([await left('lake_writes'), await left('lake_removals')]).toEqual([[], []])
  const folder = join(place.folder, table.datasetId)
  const files = await filesBelow(folder)
  await place.lake.removeOrphans({ tableId: table.id, ageMs: -1000 * hour, signal })
  expect(await filesBelow(folder)).toEqual(files)
  // Its life is over, and later ones need not look at it.
  await rm(folder, { recursive: true })
  await place.metadata.db.deleteFrom('lake_pins').execute()
}

async function take(
  place: TestLake,
  table: LakeTable,
  {
    state,
    one,
    clock,
  }: { readonly state: State; readonly one: Step; readonly clock: { advance(spanMs: number): void } },
): Promise<void> {
  const { lake } = place
  const tableId = table.id
  const fresh = (count: number): number[] => Array.from({ length: count }, () => (state.next += 1))
  const came = (numbers: readonly number[], result: AppendResult): void => {
    for (const n of numbers) state.rows.set(n, result.commitSequence)
  }
  const upkeep = {
    compact: async () => void (await place.another().compact({ tableId, rule, signal })),
    merge: async () =>
      void (await lake.mergeManifests({ tableId, manifestsMax: 1, manifestFilesMax: 4, signal })),
    expire: async () => {
      const before = await lake.commits(tableId)
      await lake.expire({ tableId, retentionMs: hour, signal })
      const after = new Set((await lake.commits(tableId)).map((commit) => commit.snapshotId))
      for (const { snapshotId } of before) {
        if (after.has(snapshotId)) continue
        expect(snapshotId).not.toBe(state.pinned)
        state.snapshots.delete(snapshotId)
      }
    },
  }
  switch (one.kind) {
    case 'append': {
      const numbers = fresh(one.count)
      came(numbers, await put(place, table, numbers))
      return
    }
    case 'appendBeside': {
      const [mine, others] = [fresh(one.count), fresh(2)]
      const beside =
        one.beside === 'append'
          ? async () => came(others, await putElsewhere(place, table, others))
          : upkeep[one.beside]
      await Promise.all([put(place, table, mine).then((result) => came(mine, result)), beside()])
      return
    }
    case 'overwriteAll': {
      const numbers = fresh(one.count)
      const result = await lake.overwrite(overwriting(table, numbers, 'all'))
      state.rows.clear()
      came(numbers, result)
      return
    }
    case 'overwriteSome':
    case 'delete': {
      const gone = (n: number): boolean => n % one.modulus === 0
      const condition = { sql: `n % ${one.modulus} = 0` }
      const numbers = one.kind === 'delete' ? [] : fresh(one.count).map((n) => n)
      if (one.kind === 'delete') {
        const { snapshotsRemoved } = await lake.deleteRows({ tableId, condition, signal })
        for (const id of snapshotsRemoved) {
          expect(state.snapshots.get(id)?.numbers.some(gone) ?? true).toBe(true)
          state.snapshots.delete(id)
          if (id === state.pinned) state.pinned = undefined
        }
        for (const [id, { numbers: held }] of state.snapshots) {
          // A file of other rows may have gone with them; a snapshot that held one must have.
          if (held.some(gone)) throw new Error(`The snapshot ${id} holds deleted rows.`)
        }
      }
      const result =
        one.kind === 'delete' ? undefined : await lake.overwrite(overwriting(table, numbers, condition))
      for (const n of state.rows.keys()) if (gone(n)) state.rows.delete(n)
      if (result) came(numbers, result)
      return
    }
    case 'external': {
      const numbers = fresh(one.count)
      await lake.commit({ tableId, ...(await changeElsewhere(place, table, numbers)), signal })
      const newest = (await lake.commits(tableId)).at(-1)!
      for (const n of numbers) state.rows.set(n, newest.commitSequence)
      return
    }
    case 'compact':
    case 'merge':
    case 'expire':
      return await upkeep[one.kind]()
    case 'sweep':
      return void (await lake.sweep({ signal }))
    case 'wait':
      return clock.advance(2 * hour)
    case 'pin': {
      const snapshotId = [...state.snapshots.keys()][one.pick % Math.max(1, state.snapshots.size)]
      if (!snapshotId) return
      const until = new Date(Date.now() + 1000 * hour)
      await place.metadata.transaction((tx) => lake.pin(tx, { tableId, snapshotId, owner: 'run:1', until }))
      state.pinned = snapshotId
      return
    }
    case 'read': {
      const snapshotId = [...state.snapshots.keys()][one.pick % Math.max(1, state.snapshots.size)]
      if (snapshotId) await readAt(place, table, state, snapshotId)
      return
    }
    case 'increment': {
      const last = Math.max(0, ...state.rows.values())
      const afterSequence = one.pick % (last + 1)
      const expected = [...state.rows].filter(([, sequence]) => sequence > afterSequence).map(([n]) => n)
      expect(await numbersOf(place, table, { afterSequence })).toEqual(expected.toSorted((a, b) => a - b))
    }
  }
}

/** The newest snapshot is what the model says, and becomes one of those to be read again. */
async function compare(place: TestLake, table: LakeTable, state: State): Promise<void> {
  const expected = [...state.rows.keys()].toSorted((left, right) => left - right)
  expect(await numbersOf(place, table)).toEqual(expected)
  const newest = await place.lake.snapshot(table.id)
  if (!newest) return
  expect(newest.rowCount).toBe(expected.length)
  state.snapshots.set(newest.snapshotId, { numbers: expected, atMs: newest.committedAt.getTime() })
}

async function readAt(
  place: TestLake,
  table: LakeTable,
  state: State,
  snapshotId: SnapshotId,
): Promise<void> {
  expect(await numbersOf(place, table, { snapshotId })).toEqual(state.snapshots.get(snapshotId)?.numbers)
}

/** An append of another process. */
async function putElsewhere(
  place: TestLake,
  table: LakeTable,
  numbers: readonly number[],
): Promise<AppendResult> {
  return await place.another().append({
    tableId: table.id,
    batchId: newBatchId(),
    source: { sql: numbersSql(numbers), files: [], pool: 'batch' },
    signal,
  })
}
