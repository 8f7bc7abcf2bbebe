import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultPoint } from '../../src/base/faults.ts'
import { destinationKinds, type DestinationServer, startDestination } from './destinations.ts'
import { firstBatchRows, prepareHome, runScenario, secondBatchRows } from './fault-scenario.ts'
import { passableFolder } from './passable-folder.ts'

const allRows = firstBatchRows + secondBatchRows

/** Kills the server at the points while it delivers to each kind of destination, on its real server. */
export function faultsAtDestinations(points: readonly FaultPoint[]): void {
  const folder = passableFolder('faults-away')
  const prepared = join(folder, 'home')
  const servers = new Map<string, DestinationServer>()
  beforeAll(async () => {
    await prepareHome(prepared)
    for (const kind of destinationKinds) servers.set(kind, await startDestination(kind))
  })
  afterAll(async () => {
    for (const server of servers.values()) await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  describe.each(points)('when the server is killed at %s', (point) => {
    test.concurrent.each(destinationKinds)('every row lies at %s once', async (kind) => {
      const to = await servers.get(kind)?.make()
      expect(to).toBeDefined()
      const outcome = await runScenario(prepared, { points: [`${point}@server`], ...(to ? { to } : {}) })
      expect(outcome).toEqual({
        eventRows: allRows,
        eventIds: allRows,
        feedRows: allRows,
        feedIds: allRows,
        deliveredRows: allRows,
        unnamed: [],
        restarts: 1,
        struck: [point],
      })
    })
  })
}
