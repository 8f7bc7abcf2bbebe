import type { Clock } from '#base/clock.ts'
import { newBatchId, type TableId } from '#base/ids.ts'
import type { Lake, Snapshot } from '#lake/lake.ts'
import type { Journal, StepPins } from './journal.ts'
import { sessionOwner } from './names/temporary-tables.ts'

/** For sessions: every statement reads the newest snapshots, each table once, and nothing is remembered. */
export function sessionJournal({
  lake,
  clock,
  ...life
}: {
  readonly lake: Lake
  readonly clock: Clock
  readonly nodeId: string
  readonly incarnation: string
}): Journal {
  return {
    owner: sessionOwner(life),
    pins: async () => newPins(clock.now(), lake),
    unpin: async () => {},
    variable: () => undefined,
    recordVariable: async () => {},
    recordFailure: async () => {},
    dropped: () => undefined,
    recordDrop: async () => {},
    batchId: () => newBatchId(),
    mark: undefined,
    assertHeld: async () => {},
    noteBegun: async () => {},
    wasBegun: () => false,
    enter: async () => {},
    leave: async () => {},
  }
}

export function newPins(now: Date, lake: Lake): StepPins {
  const snapshots = new Map<TableId, Promise<Snapshot | undefined>>()
  return {
    now,
    snapshot: (tableId) => {
      const known = snapshots.get(tableId)
      if (known) return known
      const newest = lake.snapshot(tableId)
      snapshots.set(tableId, newest)
      return newest
    },
    keep: async () => {},
  }
}
