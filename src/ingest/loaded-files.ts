import { basename } from 'node:path'
import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { Datasets } from '#datasets/datasets.ts'
import type { Lake } from '#lake/lake.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import type { BatchData, Ingest } from './ingest.ts'
import { requireWhole } from './require-whole.ts'

/** Each is a request to where the lake is, and in memory. */
const pieceBytes = 4 * 1024 * 1024

/**
 * The Parquet files that a load wrote, for as long as they are there: in time the rows come into other files, together with
 * those of other batches.
 */
export function createLoadedFiles({
  access,
  datasets,
  lake,
}: {
  readonly access: Access
  readonly datasets: Datasets
  readonly lake: Lake
}): Pick<Ingest, 'loadedFiles'> {
  return {
    loadedFiles: async (caller, batchId) => {
      const batch = await datasets.batch(caller, batchId)
      if (batch.state !== 'success') return []
      const dataset = await datasets.get(caller, batch.datasetId)
      await requireWhole(access, caller, batch.datasetId)
      const files = await lake.filesOfBatch(dataset.tableId, batchId)
      if (!files) throw gone(batchId)
      return files
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .map((file) => dataOf(lake, file))
    },
  }
}

function dataOf(lake: Lake, file: CachedObject): BatchData {
  return {
    name: basename(file.name),
    bytes: file.bytes,
    read: async function* ({ start, end }) {
      const { signal } = new AbortController() // A piece is read in a moment; whoever stops asks for no other.
      // Without a lease: clients read as slowly as they like, and statements wait for its room.
      for (let at = start; at < end; at += pieceBytes) {
        yield await lake.readRange(file, { start: at, end: Math.min(at + pieceBytes, end), signal })
      }
    },
  }
}

function gone(batchId: string): AppError {
  return new AppError('source.removed', `The files that the batch ${batchId} was loaded into are not kept.`, {
    hint: `Read the rows of it that have not expired with SQL: WHERE _ACP_BATCHID = '${batchId}'.`,
  })
}
