import type { PrincipalId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Jobs, RunOrder } from '#jobs/jobs.ts'
import { selectEntities, selectEntity } from '#metadata/exports.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import { type FlowDocument, readDocument } from '../documents/entity-schemas.ts'
import { connectionLane, laneOf } from '../documents/run-order.ts'
import { sharesOf } from '../run-subject.ts'
import { scheduleRuleOf } from '../documents/schedule-params.ts'
import type { Stored } from '../documents/stored-document.ts'

interface Change {
  readonly jobs: Jobs
  readonly tx: Transaction
  readonly caller: Caller
}

/** What a change of something else leaves, or has found, of a flow's schedule. */
interface Kept {
  /** Whom its runs act for. */
  readonly principalId: PrincipalId
  readonly lane: Pick<RunOrder, 'lane'>
}

/** Puts the flow's schedule as its document says, or takes it away. */
export async function scheduleFlow(
  change: Change,
  flowId: string,
  document: Stored<'flows'>,
  kept?: Kept,
): Promise<void> {
  const { jobs, tx, caller } = change
  const rule = scheduleRuleOf(document.scheduleParams)
  if (!rule) {
    await jobs.removeSchedule(tx, 'export', flowId)
    return
  }
  const first = document.firstDatasetId
  const datasetIds = await datasetIdsOf(tx, caller, document)
  await jobs.putSchedule(tx, {
    kind: 'export',
    subjectId: flowId,
    rule,
    principalId: kept?.principalId ?? caller.principal.id,
    sandboxId: caller.sandbox.id,
    isEnabled: document.state === 'enabled',
    shares: sharesOf(flowId, datasetIds, typeof first === 'string' ? first : datasetIds[0]),
    isCoalesced: true,
    priority: document.scheduleParams.priority ?? 0,
    ...(kept?.lane ?? (await laneOf(tx, caller.sandbox.id, document))),
  })
}

/** What the flow's source names, in its order. */
export async function datasetIdsOf(db: Db, caller: Caller, document: FlowDocument): Promise<string[]> {
  const id = document.sourceConnectionIds[0] ?? ''
  const row = await selectEntity(db, caller.sandbox.id, 'sourceConnections', id)
  if (!row) return []
  const { state: _state, ...rest } = row.document
  return readDocument('sourceConnections', rest).params.datasets.map(({ dataSetId }) => dataSetId)
}

/** The ticks of an account's flows keep to what it now takes at a time, and to whom they act for. */
export async function moveLane(
  change: Change,
  connectionId: string,
  connection: Stored<'connections'>,
): Promise<void> {
  const { tx, caller } = change
  const targets = (await selectEntities(tx, caller.sandbox.id, 'targetConnections'))
    .filter(({ document }) => document['baseConnectionId'] === connectionId)
    .map(({ id }) => id)
  const lane = connectionLane(connectionId, connection.parallelRunsMax)
  for (const { id, document, updated_by: principalId } of await selectEntities(
    tx,
    caller.sandbox.id,
    'flows',
  )) {
    const flow = readDocument('flows', document) as Stored<'flows'>
    if (flow.targetConnectionIds.some((target) => targets.includes(target)))
      await scheduleFlow(change, id, flow, { principalId, lane })
  }
}
