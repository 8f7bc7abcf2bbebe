import { expect, test } from 'vitest'
import { fc } from './support/fast-check.ts'
import { modelPlace, stepsArbitrary } from './support/lake-model.ts'

const runs = Number(process.env['SLUICE_MODEL_RUNS'] ?? 10_000)
const firstSeed = Number(process.env['SLUICE_MODEL_SEED'] ?? 1_000)
/** One seed each, told when done: what fails is found again by its seed, and a campaign goes on where it ended. */
const runsPerSeed = 100

test(
  'whatever happens to a table, ten thousand times, it holds the rows it should',
  { timeout: 0 },
  async () => {
    let done = 0
    let stepCount = 0
    for (let seed = firstSeed; done < runs; seed += 1) {
      // A place of its own for each: none grows old.
      await using place = await modelPlace()
      const property = fc.asyncProperty(stepsArbitrary, async (steps) => {
        await place.runSteps(steps)
        stepCount += steps.length
      })
      await fc.assert(property, { seed, numRuns: runsPerSeed, endOnFailure: true })
      done += runsPerSeed
      process.stdout.write(`seed ${seed}: ${done} runs, ${stepCount} steps\n`)
    }
    expect(done).toBeGreaterThanOrEqual(runs)
  },
)
