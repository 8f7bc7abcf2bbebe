import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { destinationKinds } from './support/destinations.ts'
import {
  liveExports,
  livesOf,
  type Tally,
  troubledServer,
  type TroubledServer,
} from './support/export-campaign.ts'

/** More than a thousand runs over all kinds; a failing number says which life to look at. */
const lifeCount = Number(process.env['SLUICE_TEST_LIVES'] ?? 65)
const seed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

describe.each(destinationKinds)('deliveries to %s over a network that fails, by servers that die', (kind) => {
  let server: TroubledServer
  const total: Tally = { runs: 0, again: 0, rows: 0 }
  beforeAll(async () => (server = await troubledServer(kind)))
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    process.stdout.write(`${kind}: ${total.runs} runs, ${total.again} of them again, ${total.rows} rows\n`)
  })

  test.each(livesOf(seed, lifeCount).map((life, number) => ({ life, number })))(
    'life $number delivers each row once',
    async ({ life }) => {
      const { runs, again, rows } = await liveExports(life, server)
      total.runs += runs
      total.again += again
      total.rows += rows
      expect(runs).toBeGreaterThanOrEqual(life.length)
    },
  )
})
