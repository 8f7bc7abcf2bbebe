import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Access } from '#access/access.ts'
import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { BatchId } from '#base/ids.ts'
import { codeOf } from '#base/system-error.ts'
import { primaryIdentityOf } from '#datasets/primary-identity.ts'
import { datasetOf } from '#datasets/rows.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { Engine } from '#engine/engine.ts'
import { Turns } from '#engine/turns.ts'
import { type BatchRow, selectBatch, selectBatchFiles } from '#metadata/batches.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { makeFolderDurably } from '#objects/durable-files.ts'
import type { Constraints } from '#types/constraints.ts'
import { requireHere } from './batch-data.ts'
import { type Ingest, previewRowsMax } from './ingest.ts'
import { explainParquetFailure } from './prepare-parquet.ts'
import { prepareSource } from './prepare-source.ts'
import type { TableSchema } from './table-schema.ts'
import { parseJson } from './raw-json.ts'
import { RejectLog } from './rejects.ts'
import { requireWhole } from './require-whole.ts'
import type { SourceFile } from './source-text.ts'
import { fullOr, type Staging } from './staging.ts'
import type { RequiredPaths } from './value-readers.ts'

interface PreviewDependencies {
  readonly metadata: Metadata
  readonly access: Access
  readonly datasets: Datasets
  readonly engine: Engine
  readonly staging: Staging
  readonly nodeId: string
}

/** Files that are looked at, the first ones: most may be empty. */
const filesMax = 20
const bytesAtOnce = 4 * 1024 * 1024
/** The rows of an answer lie in memory, and several times. */
const bytesMax = 16 * 1024 * 1024
/** Previews made at the same time; others wait. */
const atOnceMax = 2
/** Of these the files are there; those of a batch that the client gave up are known no more. */
const statesWithFiles: ReadonlySet<string> = new Set(['loading', 'queued', 'processing', 'failed'])

/** A load of the first rows that appends nothing. */
export function createPreviews(dependencies: PreviewDependencies): Pick<Ingest, 'preview'> {
  const { metadata, access, datasets, staging, nodeId } = dependencies
  const turns = new Turns(atOnceMax)
  return {
    preview: async (caller, { batchId, datasetId, rowCountMax, signal }) => {
      assert(rowCountMax >= 1 && rowCountMax <= previewRowsMax, 'a preview has few rows')
      const { datasetId: itsDataset } = await datasets.batch(caller, batchId)
      if (itsDataset !== datasetId) {
        throw new AppError('request.invalid', `The batch ${batchId} belongs to another dataset.`)
      }
      await requireWhole(access, caller, datasetId)
      const batch = await selectBatch(metadata.db, caller.sandbox.id, batchId)
      const dataset = await selectDataset(metadata.db, caller.sandbox.id, datasetId)
      if (!batch || !dataset || !statesWithFiles.has(batch.state)) throw filesGone(batchId)
      const rows = (await selectBatchFiles(metadata.db, batchId)).slice(0, filesMax)
      if (rows.length > 0) requireHere({ id: batchId, nodeId: batch.node_id ?? undefined }, nodeId)
      const files = rows.map((row) => ({
        path: staging.filePath(batchId, row.number),
        fileName: row.file_name,
      }))
      const table = {
        columns: datasetOf(dataset).schema,
        required: dataset.required_fields as RequiredPaths,
        constraints: dataset.constraints as readonly Constraints[],
        identity: await primaryIdentityOf(metadata.db, caller.sandbox.id, dataset.schema_id),
      }
      using _turn = await turns.take(signal)
      return await firstRows(dependencies, { batch, files, table, rowCountMax, signal })
    },
  }
}

interface Look {
  readonly batch: BatchRow
  readonly files: readonly SourceFile[]
  readonly table: TableSchema
  readonly rowCountMax: number
  readonly signal: AbortSignal
}

async function firstRows(
  { engine, staging }: PreviewDependencies,
  { batch, files, table, rowCountMax, signal }: Look,
): ReturnType<Ingest['preview']> {
  const { format } = batch
  assert(format !== 'sql' || files.length === 0, 'a batch that SQL wrote has no files')
  const work = join(staging.folder, `preview-${randomUUID()}`)
  const rejects = new RejectLog()
  const rows: unknown[] = []
  let byteCount = 0
  try {
    for (const [index, file] of files.entries()) {
      const wanted = rowCountMax - rows.length - rejects.count
      if (wanted <= 0 || format === 'sql') break
      const workFolder = join(work, String(index))
      await makeFolderDurably(workFolder)
      const {
        sql,
        files: paths,
        plainFiles,
      } = await prepareSource([file], {
        format,
        isMultiLineJson: batch.is_multi_line_json,
        takesNul: batch.takes_nul,
        table,
        rejects,
        workFolder,
        engine,
        signal,
        rowCountMax: wanted,
      })
      const statement = { sql, files: paths, pool: 'batch' as const }
      await using pull = await engine.open(statement, {
        encoding: { kind: 'jsonLines' },
        columns: table.columns.fields,
        signal,
      })
      for (let isDone = false; !isDone;) {
        const chunk = await pull
          .pull({ rowCountMax: wanted, bytesMax: bytesAtOnce })
          .catch(async (error: unknown) => {
            throw format === 'parquet'
              ? await explainParquetFailure(plainFiles, error, { engine, signal })
              : error
          })
        byteCount += chunk.bytes.byteLength
        if (byteCount > bytesMax) throw tooLarge(rowCountMax)
        const lines = Buffer.from(chunk.bytes).toString('utf8').split('\n')
        rows.push(...lines.filter((line) => line !== '').map((line) => parseJson(line)))
        isDone = chunk.state === 'done'
      }
    }
    return { rows, refused: rejects.kept }
  } catch (error) {
    // The batch was loaded or given up meanwhile.
    throw codeOf(error) === 'ENOENT' ? filesGone(batch.id) : fullOr(error)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function tooLarge(rowCount: number): AppError {
  return new AppError('request.too_large', `The first ${rowCount} rows have more than ${bytesMax} bytes.`, {
    hint: 'Ask for fewer rows.',
  })
}

function filesGone(batchId: BatchId): AppError {
  return new AppError('batch.state', `The files of the batch ${batchId} are not kept any more.`, {
    hint: 'Of a loaded batch look at the rows: SQL has its id as _ACP_BATCHID.',
  })
}
