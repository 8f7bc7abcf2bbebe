import { afterAll, beforeAll, describe, test } from 'vitest'
import { fc } from './support/fast-check.ts'
import type { Engine } from '../src/engine/engine.ts'
import { embeddedEngine } from './support/embedded-engine.ts'
import { modelPlace, stepsArbitrary } from './support/lake-model.ts'
import { putLakesOn } from './support/lake.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

let server: S3Server
let engine: Engine
beforeAll(async () => {
  if (!hasS3Server) return
  server = await startS3Server()
  engine = await embeddedEngine()
  putLakesOn({ server, engine })
})
afterAll(async () => {
  putLakesOn(undefined)
  await engine?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

/** What is promised of a lake in a folder is promised of one on S3: the same tests, on a real server. */
describe.skipIf(!hasS3Server)('on S3', async () => {
  await import('../src/lake/append.test.ts')
  await import('../src/lake/plan.test.ts')
  await import('../src/lake/rewrite.test.ts')
  await import('../src/lake/sweep.test.ts')
  await import('../src/lake/upkeep.test.ts')
  await import('../src/lake/evolve.test.ts')
  await import('../src/lake/external-commit.test.ts')

  test('whatever happens to a table, it holds the rows it should', { timeout: 300_000 }, async () => {
    await using place = await modelPlace()
    const property = fc.asyncProperty(stepsArbitrary, async (steps) => await place.runSteps(steps))
    await fc.assert(property, { seed: 1, numRuns: 4, endOnFailure: true })
  })
})
