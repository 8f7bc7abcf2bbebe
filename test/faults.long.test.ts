import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  firstBatchRows,
  type Kill,
  prepareHome,
  runScenario,
  secondBatchRows,
} from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'

/** Days whose processes die at moments drawn by lot; a failing seed says which day to look at. */
const dayCount = Number(process.env['SLUICE_TEST_FAULT_DAYS'] ?? 70)
const killsADay = 3
/** A day without a fault takes about this long. */
const dayMs = 4_000

const folder = passableFolder('kills')
const prepared = join(folder, 'home')
const allRows = firstBatchRows + secondBatchRows

beforeAll(() => prepareHome(prepared))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.concurrent.each(Array.from({ length: dayCount }, (_, seed) => seed))(
  `day %i, killed ${killsADay} times, ends with every row once`,
  async (seed) => {
    const outcome = await runScenario(prepared, { kills: killsOf(seed) })
    expect(outcome).toEqual({
      eventRows: allRows,
      eventIds: allRows,
      feedRows: allRows,
      feedIds: allRows,
      deliveredRows: allRows,
      unnamed: [],
      restarts: expect.any(Number),
      struck: [],
    })
  },
)

/** Half of them strike the server, half one of the processes below it: engine children, PostgreSQL and its workers. */
function killsOf(seed: number): Kill[] {
  const random = randomOf(seed)
  return Array.from({ length: killsADay }, () => ({
    afterMs: Math.floor(random() * dayMs),
    below: random() < 0.5 ? undefined : random(),
  }))
}

/** The same numbers for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
