import type { FlowId, RunId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Run } from '#jobs/jobs.ts'
import type { DryRun } from './plan/dry-run.ts'
import type { EntityKind } from './entity-kind.ts'
import type { RecordWindow, WindowRange } from './record-windows.ts'
import type { NamedRule } from './rules/rules.ts'
import type { Specs } from './spec-documents.ts'
import type { VerifyReport } from './verify/verify.ts'

/**
 * Deliveries. The entities are the Flow Service's (base connection, source and target connection, flow), stored as the
 * documents clients send; a run of a flow publishes one dataset as architecture §5 says.
 */
export interface Exports {
  /** 201's body. @throws AppError 'flow.invalid' naming the field */
  createEntity(caller: Caller, kind: EntityKind, body: unknown): Promise<ChangedEntity>
  entity(caller: Caller, kind: EntityKind, id: string): Promise<Record<string, unknown>>
  entities(caller: Caller, kind: EntityKind, query: EntityQuery): Promise<EntityPage>
  /** JSON Patch; `etag` with its quotes. @throws AppError 'flow.version' */
  patchEntity(
    caller: Caller,
    kind: EntityKind,
    id: string,
    etag: string | undefined,
    patch: unknown,
  ): Promise<ChangedEntity>
  deleteEntity(caller: Caller, kind: EntityKind, id: string): Promise<void>
  setFlowEnabled(caller: Caller, flowId: FlowId, isEnabled: boolean, etag?: string): Promise<ChangedEntity>

  /** Flows that export a dataset. */
  flowCount(caller: Caller, datasetId: string): Promise<number>

  /** Makes a run of each of the flow's datasets now (the next of its chain); the id is that of the first. */
  runNow(caller: Caller, flowId: FlowId, options?: { readonly overridesWindows?: boolean }): Promise<RunId>
  /**
   * As `runNow`, for some datasets of flows: all of them, or none.
   * @throws AppError 'flow.invalid' for a dataset that its flow has not, or that has an unfinished run
   */
  runDatasets(
    caller: Caller,
    wanted: readonly DatasetsOfFlow[],
  ): Promise<readonly { readonly datasetId: string; readonly runId: RunId }[]>
  /**
   * Lays aside, takes up, ends, or makes anew: of a run that is over, a new run of its dataset.
   * @throws AppError 'flow.version' where an etag is given that is not the run's
   */
  controlRun(
    caller: Caller,
    runId: RunId,
    action: RunAction,
    etag?: string,
  ): Promise<{ readonly id: string; readonly etag: string }>
  /**
   * Whether the account can be logged in to, and what was tried for it.
   * @throws AppError 'store.…' as a run would meet it
   */
  testConnection(caller: Caller, id: string): Promise<ConnectionTest>
  /** Removes what runs that are over have left at destinations and in this node's spool: how many parts. */
  sweep(options: { readonly signal: AbortSignal }): Promise<number>
  /** What a run of each of the flow's datasets would deliver now. Nothing is pinned, staged or kept. */
  dryRun(
    caller: Caller,
    flowId: FlowId,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly DryRun[]>
  /**
   * The rows of a published run again, as one more delivery that leaves the next one as it would be. Asked again while
   * that is under way, it is the same.
   * @throws AppError 'source.removed' naming what of them is gone
   */
  repeatRun(caller: Caller, runId: RunId): Promise<{ readonly runId: RunId; readonly isNew: boolean }>
  /** The sealed manifest of a run that was published, to the byte, and the name that it has where it is delivered. */
  sealedManifest(caller: Caller, runId: RunId): Promise<{ readonly name: string; readonly text: string }>
  repeatAhead(caller: Caller, runId: RunId, options: { readonly signal: AbortSignal }): Promise<DryRun>
  /**
   * Rows by their own time, a run for each window: of those that live runs have delivered, once more, or, where the
   * export `startsWith` what is new, of those that they never will. Asked again it makes only what was not made, or
   * failed.
   * @throws AppError 'request.invalid' for a window that overlaps another one, which would deliver its rows as well
   */
  backfill(caller: Caller, flowId: FlowId, wanted: Backfill): Promise<readonly WindowRun[]>
  /** Of the windows that `backfill` would make. */
  backfillAhead(
    caller: Caller,
    flowId: FlowId,
    wanted: Backfill,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (RecordWindow & DryRun)[]>
  /** Those that were asked for, the newest run of each, by dataset and time. */
  windows(
    caller: Caller,
    flowId: FlowId,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly WindowRun[]>
  /** Takes the destination's word on what was delivered, for each of the flow's datasets. */
  adopt(caller: Caller, flowId: FlowId): Promise<readonly Adopted[]>
  /** Checks where a flow delivers to as anybody can who has only the files: everything there is read and counted. */
  verify(caller: Caller, flowId: FlowId, options: { readonly signal: AbortSignal }): Promise<VerifyReport>
  /** The kinds of destinations that the organisation can use. */
  specs(caller: Caller): Promise<Specs>
  settings(caller: Caller): Promise<ExportSettings>
  putSettings(caller: Caller, change: Partial<ExportSettings>): Promise<ExportSettings>
  /** What is said of exports in the sandbox, by name. */
  rules(caller: Caller): Promise<readonly NamedRule[]>
  /** Creates or replaces the rule of that name. @throws AppError 'request.invalid' naming the field */
  putRule(caller: Caller, name: string, rule: unknown): Promise<NamedRule>
  /** By its id, or its name. */
  deleteRule(caller: Caller, called: string): Promise<void>
  /** Who delivered what to where, newest first. */
  exported(
    caller: Caller,
    filter: {
      readonly principalId?: string | undefined
      /** Begins with it. */
      readonly location?: string | undefined
      readonly datasetId?: string | undefined
      /** Published then or later, and earlier than this. */
      readonly from?: Date | undefined
      readonly before?: Date | undefined
      readonly limit: number
      readonly offset?: number
    },
  ): Promise<readonly Exported[]>
  /** The Flow Service's run object, from our run row and its export. */
  runDocument(caller: Caller, runId: RunId): Promise<Record<string, unknown>>
  runDocuments(caller: Caller, query: EntityQuery): Promise<EntityPage>
  run(caller: Caller, runId: RunId): Promise<Run>
}

export interface DatasetsOfFlow {
  readonly flowId: FlowId
  readonly datasetIds: readonly string[]
  /** Of the datasets that are delivered by the times of their rows. */
  readonly backfills?: ReadonlyMap<string, AdHocBackfill>
}

/** Where it is not whole, the last 365 days. */
export interface AdHocBackfill {
  readonly startDate?: Date | undefined
  readonly endDate?: Date | undefined
}

export interface ChangedEntity {
  readonly id: string
  readonly etag: string
  /** What is odd about a flow that was saved all the same; absent: nothing. */
  readonly warnings?: readonly string[]
}

export interface Backfill extends WindowRange {
  readonly datasetIds: readonly string[]
}

export interface WindowRun extends RecordWindow {
  readonly datasetId: string
  readonly runId: RunId
  readonly state: Run['state']
  /** Of one that has succeeded. */
  readonly rowCount?: number
  /** Why it waits or has failed. */
  readonly message?: string
}

export interface Adopted {
  readonly datasetId: string
  /** Undefined: no manifest of it lies there. */
  readonly chainNumber: number | undefined
  readonly manifest: string | undefined
}

/** One delivery. */
export interface Exported {
  readonly runId: string
  readonly flowId: string
  readonly datasetId: string
  readonly datasetName: string
  /** For whom the run worked. */
  readonly principalId: string
  readonly principalName: string
  readonly location: string
  readonly rowCount: number
  readonly bytes: number
  readonly fileCount: number
  readonly publishedAt: Date
}

export type RunAction = 'retry' | 'cancel' | 'pause' | 'resume'

export interface ConnectionTest {
  readonly result: true
  /** Places of its target connections that were listed; empty: its credentials have the right form, no more. */
  readonly places: readonly string[]
  /** What was done to find out, for people. */
  readonly tried: string
}

/** Of an organisation. */
export interface ExportSettings {
  /** Refuse what the reference platform would, and end schedules as it does. */
  readonly isStrict: boolean
  /** The level of Journey Optimizer whose datasets may be exported; null: every dataset. */
  readonly entitledTier: 'Prime' | 'Ultimate' | null
}

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
