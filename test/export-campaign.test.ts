import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { destinationKinds } from './support/destinations.ts'
import { liveExports, livesOf, troubledServer, type TroubledServer } from './support/export-campaign.ts'

/** A life of the campaign for each, always the same. */
describe.each(destinationKinds)('deliveries to %s over a network that fails, by servers that die', (kind) => {
  let server: TroubledServer
  beforeAll(async () => (server = await troubledServer(kind)))
  afterAll(() => server?.[Symbol.asyncDispose]())

  test.each(livesOf(7, 1).map((life, number) => ({ life, number })))(
    'life $number delivers each row once',
    async ({ life }) => {
      const { runs } = await liveExports(life, server)
      expect(runs).toBeGreaterThanOrEqual(life.length)
    },
  )
})
