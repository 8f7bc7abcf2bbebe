import type { DatasetId, FlowId, TableId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import type { DeliveredContent } from '../manifests/delivered-content.ts'
import { partName } from '../manifests/names.ts'
import { columnsOf, type ExportPlan } from '../export-plan.ts'
import { planAhead, type PlanOptions } from './plan.ts'
import { recordFolderSql } from '../manifests/record-time.ts'
import { countBy, rowCountOf, scanOf } from './scan.ts'
import { type Writing, writtenBytesPerRow } from './written-size.ts'
import { locationOf } from '../destinations/target.ts'

/** What a run would deliver. */
export interface DryRun {
  readonly datasetId: string
  readonly datasetName: string
  readonly location: string
  readonly folder: string
  readonly content: DeliveredContent
  readonly chainNumber: number
  readonly rowCount: number
  /** Of the lake's files that would be read. */
  readonly sourceBytes: number
  /** Of what would be delivered: an estimate, by some rows that were written as a run would write all. */
  readonly bytes: number
  /** As many as files of at most the largest size take, by that estimate. */
  readonly fileCount: number
  /** How a file would be called, but for what makes it unique. */
  readonly fileName: string
  readonly columns: ExportPlan['columns']
  readonly rows: readonly Record<string, unknown>[]
}

const rowsShown = 10
const sampleBytesMax = 1024 * 1024

/** Plans as a run would, counts from the lake's own record, and reads a few rows. Nothing is pinned, staged or kept. */
export async function dryRun(
  options: PlanOptions & Writing,
  caller: Caller,
  wanted: { readonly flowId: FlowId; readonly datasetId: DatasetId; readonly signal: AbortSignal },
): Promise<DryRun> {
  const plan = await planAhead(options, caller, wanted)
  return await dryRunOf({ ...options, plan }, wanted.signal)
}

/** What a plan would deliver. */
export async function dryRunOf(
  options: Pick<PlanOptions, 'lake'> & Writing & { readonly plan: ExportPlan },
  signal: AbortSignal,
): Promise<DryRun> {
  const { lake, engine, plan } = options
  const scan = await scanOf(options, signal)
  using lease = await lake.lease(scan.files, { signal })
  const read = { sql: scan.sql, paths: lease.paths }
  const rowCount = await rowCountOf(engine, { ...scan, paths: lease.paths }, signal)
  const bytesPerRow = rowCount === 0 ? 0 : await writtenBytesPerRow(options, read, signal)
  const { recordFolders, fileBytesMax } = plan
  const byFolder =
    rowCount > 0 && recordFolders
      ? [...(await countBy(engine, read, recordFolderSql(recordFolders), signal)).values()]
      : [rowCount]
  return {
    datasetId: plan.datasetId,
    datasetName: plan.datasetName,
    location: locationOf(plan.target),
    folder: plan.folder,
    content: plan.content,
    chainNumber: plan.chain.number,
    rowCount,
    sourceBytes: scan.bytes,
    bytes: Math.round(rowCount * bytesPerRow),
    fileCount: byFolder.reduce((sum, rows) => sum + Math.ceil((rows * bytesPerRow) / fileBytesMax), 0),
    fileName: partName({
      folder: '',
      number: 0,
      runId: '<run>' as never,
      attempt: 1,
      format: plan.format,
      isEncrypted: plan.encryption !== undefined,
    }).replace(/-1-[0-9a-f]{8}\./, '-<attempt>-<chance>.'),
    columns: plan.columns,
    rows: scan.files.length === 0 ? [] : await sample(options, read, signal),
  }
}

async function sample(
  { lake, engine, plan }: Pick<PlanOptions, 'lake'> & { readonly engine: Engine; readonly plan: ExportPlan },
  read: { readonly sql: string; readonly paths: readonly string[] },
  signal: AbortSignal,
): Promise<Record<string, unknown>[]> {
  const columns = columnsOf(await lake.table(plan.tableId as TableId), plan.withSystemColumns).filter(
    ({ name }) => plan.columns.some((column) => column.name === name),
  )
  await using pull = await engine.open(
    {
      sql: `SELECT * FROM (${read.sql}\n) AS sample LIMIT ${rowsShown}`,
      files: read.paths,
      pool: 'interactive',
    },
    { encoding: { kind: 'jsonLines' }, columns, rowCountMax: rowsShown, signal },
  )
  const { bytes } = await pull.pull({ rowCountMax: rowsShown, bytesMax: sampleBytesMax })
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
