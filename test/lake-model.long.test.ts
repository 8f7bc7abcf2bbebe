import * as fc from 'fast-check'
import { test } from 'vitest'
import { runSteps, stepsArbitrary } from './support/lake-model.ts'

test(
  'whatever happens to a table, ten thousand times, it holds the rows it should',
  { timeout: 0 },
  async () => {
    await fc.assert(fc.asyncProperty(stepsArbitrary, runSteps), { numRuns: 10_000 })
  },
)
