import type { BatchId, DatasetId } from '#base/ids.ts'
import type { Batch, Caller } from '#datasets/datasets.ts'
import type { StructType } from '#types/data-type.ts'

/**
 * Batch ingestion: files are uploaded to an open batch, completing it makes a job that checks and loads them. A batch
 * becomes visible whole or not at all; completing twice is harmless.
 */
export interface Ingest {
  open(caller: Caller, batch: NewBatch): Promise<Batch>

  /** Stores one file of the batch durably (fsync) before it returns. Same name twice: the later one wins. */
  upload(caller: Caller, file: Upload): Promise<{ readonly bytes: number; readonly sha256: string }>

  /** Enqueues the load. @throws AppError 'batch.state' */
  complete(caller: Caller, batchId: BatchId): Promise<void>
  abort(caller: Caller, batchId: BatchId): Promise<void>

  /** Rows refused by a load, first ones first, as `{ file, row, reason, record }`. */
  rejects(caller: Caller, batchId: BatchId, options: { readonly limit: number }): Promise<readonly Reject[]>

  /** The columns a file seems to have. @throws AppError 'ingest.invalid' naming the file and what is wrong. */
  inferSchema(caller: Caller, file: FileToInfer): Promise<StructType>
}

export interface NewBatch {
  readonly datasetId: DatasetId
  readonly format: 'parquet' | 'json' | 'csv'
  /** Share of rows (0 to 100) that may be refused before the whole batch fails. Default 0. */
  readonly partialIngestionPercentage?: number
  readonly tags?: Readonly<Record<string, unknown>>
}

export interface Upload {
  readonly batchId: BatchId
  readonly datasetId: DatasetId
  /** As the client names it; only shown, never used as a path. `.gz` is unpacked. */
  readonly fileName: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

export interface FileToInfer {
  readonly fileName: string
  readonly format: 'parquet' | 'json' | 'csv'
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

export interface Reject {
  readonly fileName: string
  /** 1-based line or row. */
  readonly row: number
  readonly code: string
  readonly reason: string
  readonly record: string
}
