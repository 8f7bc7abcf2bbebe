import type { FlowId, RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Run } from '#jobs/jobs.ts'

/**
 * Deliveries. The entities are the Flow Service's (base connection, source and target connection, flow), stored as the
 * documents clients send; a run of a flow publishes one dataset as architecture §5 says.
 */
export interface Exports {
  /** 201's body. @throws AppError 'flow.invalid' naming the field */
  createEntity(
    caller: Caller,
    kind: EntityKind,
    body: unknown,
  ): Promise<{ readonly id: string; readonly etag: string }>
  entity(caller: Caller, kind: EntityKind, id: string): Promise<Record<string, unknown>>
  entities(caller: Caller, kind: EntityKind, query: EntityQuery): Promise<EntityPage>
  /** JSON Patch; `etag` with its quotes. @throws AppError 'flow.version' */
  patchEntity(
    caller: Caller,
    kind: EntityKind,
    id: string,
    etag: string | undefined,
    patch: unknown,
  ): Promise<{ readonly id: string; readonly etag: string }>
  deleteEntity(caller: Caller, kind: EntityKind, id: string): Promise<void>
  setFlowEnabled(
    caller: Caller,
    flowId: FlowId,
    isEnabled: boolean,
  ): Promise<{ readonly id: string; readonly etag: string }>

  /** Makes a run of the flow's dataset now (the next run of the chain). */
  runNow(caller: Caller, flowId: FlowId): Promise<RunId>
  /** The Flow Service's run object, from our run row and its export. */
  runDocument(caller: Caller, runId: RunId): Promise<Record<string, unknown>>
  runDocuments(caller: Caller, query: EntityQuery): Promise<EntityPage>
  run(caller: Caller, runId: RunId): Promise<Run>
}

export type EntityKind = 'connections' | 'sourceConnections' | 'targetConnections' | 'flows'

export interface EntityQuery {
  readonly limit?: number
  readonly continuationToken?: string
  /** `path op value`, as the Flow Service writes them. */
  readonly property?: readonly string[]
  readonly orderby?: string
  readonly count?: boolean
}

export interface EntityPage {
  readonly items: readonly Record<string, unknown>[]
  readonly total: number
  /** Token of the next page, if there is one. */
  readonly next: string | undefined
}

/** Fixed ids of the specs a local folder is delivered by (ours; the platform has no such destination). */
export const localFolderSpecs = {
  connectionSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31',
  flowSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32',
} as const
export const dataLakeSpecId = '23598e46-f560-407b-88d5-ea6207e49db0'
