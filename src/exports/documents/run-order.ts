import type { SandboxId } from '#base/ids.ts'
import type { RunOrder } from '#jobs/jobs.ts'
import { selectEntity } from '#metadata/exports.ts'
import type { Db } from '#metadata/metadata.ts'
import type { FlowDocument } from './entity-schemas.ts'

/** The lane of a flow's runs: its account's, which may say how many it takes at a time. */
export async function laneOf(
  db: Db,
  sandboxId: SandboxId,
  { targetConnectionIds }: Pick<FlowDocument, 'targetConnectionIds'>,
): Promise<Pick<RunOrder, 'lane'>> {
  const target = await selectEntity(db, sandboxId, 'targetConnections', targetConnectionIds[0] ?? '')
  const connectionId = target?.document['baseConnectionId']
  if (typeof connectionId !== 'string') return {}
  const connection = await selectEntity(db, sandboxId, 'connections', connectionId)
  return connectionLane(connectionId, connection?.document['parallelRunsMax'])
}

export function connectionLane(connectionId: string, runsMax: unknown): Pick<RunOrder, 'lane'> {
  return {
    lane: {
      name: `connection:${connectionId}`,
      ...(typeof runsMax === 'number' ? { runsMax } : {}),
    },
  }
}
