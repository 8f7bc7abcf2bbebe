import { afterAll, beforeAll, test } from 'vitest'
import { fc } from './support/fast-check.ts'
import { type ModelPlace, modelPlace, stepsArbitrary } from './support/lake-model.ts'

let place: ModelPlace
beforeAll(async () => {
  place = await modelPlace()
})
afterAll(() => place[Symbol.asyncDispose]())

test.each([1, 2, 3, 4])(
  'whatever happens to a table, it holds the rows it should (seed %i)',
  { timeout: 300_000 },
  async (seed) => {
    const property = fc.asyncProperty(stepsArbitrary, async (steps) => await place.runSteps(steps))
    await fc.assert(property, { seed, numRuns: 4, endOnFailure: true })
  },
)
