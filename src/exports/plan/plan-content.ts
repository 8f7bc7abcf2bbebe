import { z } from 'zod'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { parseId, type RunId, type SnapshotId } from '#base/ids.ts'
import type { Caller, Dataset } from '#datasets/datasets.ts'
import type { Lake, LakeTable } from '#lake/lake.ts'
import { type ChainRow, selectExportRun, selectExportSettings } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { sparkDdl } from '#types/spark-ddl.ts'
import { fileFormatOf, type FlowDocument, type TargetParams } from '../documents/entity-schemas.ts'
import { columnsOf, type ExportPlan, readPlan } from '../export-plan.ts'
import type { RecordRange } from '../manifests/record-time.ts'
import { isOnlyNew } from '../documents/start-sequences.ts'

const fileBytesMaxDefault = 256 * 1024 * 1024
const dayMs = 86_400_000
/** Of organisations that keep to the reference platform's limits. */
const strictRecordDays = 365

/** What a run was made to deliver, when it is not what came since the last one. */
export const askedContent = z.looseObject({
  /** A run, whose rows are delivered again. */
  repeats: z.uuid().optional(),
  /** Rows of a range of record times, of those that were there with a commit. */
  window: z
    .strictObject({
      from: z.iso.datetime(),
      before: z.iso.datetime(),
      throughSequence: z.int(),
      snapshotId: z.string().optional(),
    })
    .optional(),
})

/** Which rows a run delivers, and in what files. */
export type PlannedContent = Pick<
  ExportPlan,
  | 'content'
  | 'snapshotId'
  | 'afterSequence'
  | 'throughSequence'
  | 'tableRowCount'
  | 'watermarkSequence'
  | 'records'
  | 'repeats'
  | 'withSystemColumns'
  | 'columns'
  | 'recordFolders'
  | 'format'
  | 'fileBytesMax'
>

export interface ContentRequest {
  readonly caller: Caller
  readonly dataset: Dataset
  readonly flow: FlowDocument
  /** After which commit an export of only what is new begins. */
  readonly startSequence: number
  readonly target: TargetParams
  readonly chain: ChainRow | undefined
  readonly payload: Readonly<Record<string, unknown>>
  readonly exportAt: Date
}

interface ContentOptions {
  readonly metadata: Metadata
  readonly lake: Lake
}

/** @throws AppError 'source.removed', 'flow.invalid' */
export async function contentOf(options: ContentOptions, request: ContentRequest): Promise<PlannedContent> {
  const { repeats, window } = askedContent.parse(request.payload)
  if (repeats !== undefined) return await repeatedContent(options, request, parseId('run', repeats))
  const { lake } = options
  const { dataset, target, chain } = request
  const table = await lake.table(dataset.tableId)
  const common = {
    withSystemColumns: target.includeSystemColumns,
    columns: namedColumns(table, target.includeSystemColumns),
    ...foldersOf(target, table),
    format: fileFormatOf(target),
    fileBytesMax: target.fileBytesMax ?? fileBytesMaxDefault,
  }
  const oldest = await oldestRecord(options, request, table)
  if (window) {
    const { snapshotId, throughSequence, from, before } = window
    const column = windowColumn(table)
    return {
      ...common,
      content: 'window',
      ...(snapshotId === undefined ? {} : { snapshotId }),
      afterSequence: 0,
      throughSequence,
      // Of an export that has delivered nothing yet the first live delivery still holds everything.
      watermarkSequence: chain
        ? Number(chain.watermark_sequence)
        : isOnlyNew(request.flow)
          ? request.startSequence
          : 0,
      records: { column, from: oldest && oldest.from > from ? oldest.from : from, before },
    }
  }
  const snapshot = await lake.snapshot(dataset.tableId)
  const start = startOf(request)
  return {
    ...common,
    ...(snapshot ? { snapshotId: snapshot.snapshotId } : {}),
    afterSequence: start ?? 0,
    throughSequence: Math.max(snapshot?.commitSequence ?? 0, Number(chain?.watermark_sequence ?? 0)),
    tableRowCount: snapshot?.rowCount ?? 0,
    content: start === undefined ? 'full' : 'increment',
    ...(oldest ? { records: oldest } : {}),
  }
}

/** After which commit the increment begins; undefined: everything is delivered. */
function startOf({ chain, flow, startSequence }: ContentRequest): number | undefined {
  if (flow.scheduleParams.exportMode === 'DAILY_FULL_EXPORT') return undefined
  if (!chain) return isOnlyNew(flow) ? startSequence : undefined
  return chain.begins_anew ? undefined : Number(chain.watermark_sequence)
}

/** Of events alone: what else has a `timestamp` has no age. */
async function oldestRecord(
  { metadata }: ContentOptions,
  { caller, dataset, flow, exportAt }: ContentRequest,
  table: LakeTable,
): Promise<RecordRange | undefined> {
  if (dataset.behavior !== 'time-series' || table.dayColumn === undefined) return undefined
  const days =
    flow.scheduleParams.recordDaysMax ??
    ((await selectExportSettings(metadata.db, caller.principal.organizationId)).isStrict
      ? strictRecordDays
      : undefined)
  if (days === undefined) return undefined
  return { column: table.dayColumn, from: new Date(exportAt.getTime() - days * dayMs).toISOString() }
}

/** @throws AppError 'flow.invalid' for a table whose rows have no time */
export function foldersOf(target: TargetParams, table: LakeTable): Pick<ExportPlan, 'recordFolders'> {
  const unit = target.recordTimeFolders
  if (unit === undefined) return {}
  return { recordFolders: { column: timeColumn(table, 'has folders by record time'), unit } }
}

/** @throws AppError 'flow.invalid' as `foldersOf` */
export function windowColumn(table: LakeTable): string {
  return timeColumn(table, 'is delivered by windows of record time')
}

function timeColumn({ dayColumn }: LakeTable, what: string): string {
  if (dayColumn !== undefined) return dayColumn
  throw new AppError('flow.invalid', `Only a dataset with a timestamp ${what}: its rows have no time.`)
}

function namedColumns(table: LakeTable, withSystemColumns: boolean): ExportPlan['columns'] {
  return columnsOf(table, withSystemColumns).map(({ name, type }) => ({ name, type: sparkDdl(type) }))
}

/** The same rows, columns and form of files as those of a run that was published. */
async function repeatedContent(
  { metadata, lake }: ContentOptions,
  { dataset, chain }: ContentRequest,
  runId: RunId,
): Promise<PlannedContent> {
  const row = must(
    await selectExportRun(metadata.db, runId),
    `run ${runId} was published when it was asked for`,
  )
  const past = readPlan(row.plan)
  if (past.tableId !== dataset.tableId) throw removed(runId, 'the dataset has another table now')
  // Names the snapshot, and why it is gone.
  if (past.snapshotId !== undefined) await lake.snapshot(dataset.tableId, past.snapshotId as SnapshotId)
  const now = new Map(
    namedColumns(await lake.table(dataset.tableId), past.withSystemColumns).map(({ name, type }) => [
      name,
      type,
    ]),
  )
  const changed = past.columns.find(({ name, type }) => now.get(name) !== type)
  if (changed) {
    const type = now.get(changed.name)
    throw removed(
      runId,
      type === undefined
        ? `its column ${JSON.stringify(changed.name)} is gone`
        : `its column ${JSON.stringify(changed.name)} was ${changed.type} and is ${type}`,
    )
  }
  const { content, snapshotId, afterSequence, throughSequence, tableRowCount, records, recordFolders } = past
  return {
    content,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    afterSequence,
    throughSequence,
    ...(tableRowCount === undefined ? {} : { tableRowCount }),
    watermarkSequence: Number(must(chain, `run ${runId} was published`).watermark_sequence),
    ...(records ? { records } : {}),
    repeats: past.repeats ?? runId,
    withSystemColumns: past.withSystemColumns,
    columns: past.columns,
    ...(recordFolders ? { recordFolders } : {}),
    format: past.format,
    fileBytesMax: past.fileBytesMax,
  }
}

function removed(runId: RunId, why: string): AppError {
  return new AppError('source.removed', `The run ${runId} cannot be made again: ${why}.`, {
    hint: 'What was delivered stays valid; a new run delivers what there is now.',
  })
}
