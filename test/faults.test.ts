import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultPoints } from '#base/faults.ts'
import { firstBatchRows, prepareHome, runScenario, secondBatchRows } from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'

const folder = passableFolder('faults')
const prepared = join(folder, 'home')
const allRows = firstBatchRows + secondBatchRows

beforeAll(() => prepareHome(prepared))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const expected = {
  eventRows: allRows,
  eventIds: allRows,
  feedRows: allRows,
  feedIds: allRows,
  deliveredRows: allRows,
  unnamed: [],
}

test('without a fault a day ends with every row once', async () => {
  expect(await runScenario(prepared)).toEqual({ ...expected, restarts: 0, struck: [] })
})

describe.each(['server', 'child'] as const)('when the %s is killed', (victim) => {
  test.concurrent.each(faultPoints)(
    'at %s, no row is lost, none comes twice, nothing unnamed is visible',
    async (point) => {
      // There is something to sweep only after an attempt that died while staging.
      const before = point.startsWith('export.sweep.') ? ['export.stage.middle@server'] : []
      const points = [...before, `${point}@${victim}`]
      const outcome = await runScenario(prepared, { points })
      expect(outcome).toEqual({
        ...expected,
        restarts: before.length + (victim === 'server' ? 1 : 0),
        struck: [...before, point].map((struck) => struck.split('@')[0]),
      })
    },
  )
})
