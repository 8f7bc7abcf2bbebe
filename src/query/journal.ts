import type { AppError } from '#base/errors.ts'
import type { BatchId, DatasetId, TableId } from '#base/ids.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Snapshot } from '#lake/lake.ts'
import type { Literal } from '#sql/compile.ts'

/**
 * What a run remembers of its steps, so that a second attempt does what the first one did: variables keep their values,
 * statements read the same snapshots at the same time, committed batches and dropped tables are passed over. A session
 * has nobody to come after it and remembers nothing.
 */
export interface Journal {
  /** Fixes time and snapshots of a step: what was recorded, or what is now (and is then recorded). */
  pins(step: string): Promise<StepPins>

  /** What the step was to read has been removed, and nothing came of it: it reads what is there now. */
  unpin(step: string): Promise<void>

  variable(step: string): Literal | undefined
  recordVariable(step: string, value: Literal): Promise<void>

  /** Why the body of a block ended early: a later attempt ends it at the same step, so that its handler runs again. */
  recordFailure(step: string, failure: AppError): Promise<void>

  dropped(step: string): DatasetId | undefined
  recordDrop(step: string, datasetId: DatasetId): Promise<void>

  /** The batch a step writes: for a run the same in every attempt. */
  batchId(step: string): BatchId
  /** What marks a table as made by this step; undefined: nobody will look for it. */
  readonly mark: ((step: string) => string) | undefined

  /** With whose end temporary tables end: the words of their tag. */
  readonly owner: readonly string[]

  /** Proves, inside a commit, that this attempt still owns the run. @throws AppError 'job.fenced' */
  assertHeld(tx: Transaction): Promise<void>
  /** Of what leaves nothing that tells who did it: called before it is done. */
  noteBegun(step: string): Promise<void>
  /** Whether an earlier attempt began it, so that it may be done already. */
  wasBegun(step: string): boolean

  /** Called before each step. @throws AppError what ended the body of a block here in an earlier attempt */
  enter(step: string): Promise<void>
  /** Called after each step. */
  leave(): Promise<void>
}

export interface StepPins {
  readonly now: Date
  /** The table's snapshot for this step; the same answer each time. */
  snapshot(tableId: TableId): Promise<Snapshot | undefined>
  /** Call before anything is done with what was read. */
  keep(): Promise<void>
}
