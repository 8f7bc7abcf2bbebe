import * as fc from 'fast-check'
import { test } from 'vitest'
import { runSteps, stepsArbitrary } from './support/lake-model.ts'

test.each([1, 2, 3, 4])(
  'whatever happens to a table, it holds the rows it should (seed %i)',
  { timeout: 300_000 },
  async (seed) => {
    await fc.assert(fc.asyncProperty(stepsArbitrary, runSteps), { seed, numRuns: 4, endOnFailure: true })
  },
)
