import type { BatchId, DatasetId } from '#base/ids.ts'
import type { Batch, Caller } from '#datasets/datasets.ts'
import type { StructType } from '#types/data-type.ts'

/**
 * Batch ingestion: files are uploaded to an open batch, completing it makes a job that checks and loads them. A batch
 * becomes visible whole or not at all; completing twice is harmless. Its files lie at the node that takes the first one,
 * which loads them, whoever is told that the batch is complete; any other throws AppError 'node.other' for what it lacks.
 */
export interface Ingest {
  open(caller: Caller, batch: NewBatch): Promise<Batch>

  /** Stores one file of the batch durably (fsync) before it returns. Same name twice, in parts too: the later one wins. */
  upload(caller: Caller, file: Upload): Promise<{ readonly bytes: number; readonly sha256: string }>

  /**
   * A file that comes in parts; until it is whole its batch cannot be completed. Twice it begins anew: parts that came
   * are dropped. What is whole under its name counts until the first part comes.
   */
  beginFile(caller: Caller, place: FilePlace): Promise<void>
  /** Stores a part durably; one that begins at the same byte is replaced. @throws AppError 'request.invalid' */
  uploadPart(caller: Caller, part: UploadPart): Promise<void>
  /** Makes the parts a file. Twice is harmless. @throws AppError 'request.invalid' for gaps and overlaps */
  completeFile(caller: Caller, place: FilePlace, signal: AbortSignal): Promise<void>
  /** @throws AppError 'object.missing' */
  fileStatus(caller: Caller, place: FilePlace): Promise<FileStatus>

  /** Enqueues the load. @throws AppError 'batch.state' */
  complete(caller: Caller, batchId: BatchId): Promise<void>
  abort(caller: Caller, batchId: BatchId): Promise<void>
  /** Ends a batch that is not over as failed. Twice is harmless. */
  fail(caller: Caller, batchId: BatchId): Promise<void>
  /**
   * Takes the rows of a loaded batch back, for good: from older snapshots too. A job does it; the batch is `inactive` when
   * they are gone. Twice is harmless. @throws AppError 'batch.state'
   */
  revert(caller: Caller, batchId: BatchId): Promise<void>

  /** Rows refused by a load, first ones first, as `{ file, row, reason, record }`. */
  rejects(caller: Caller, batchId: BatchId, options: { readonly limit: number }): Promise<readonly Reject[]>

  /**
   * The Parquet files of a loaded batch; none for one that is not. @throws AppError 'access.denied' for who sees the
   * dataset in part, 'source.removed' when its rows are in other files by now
   */
  loadedFiles(caller: Caller, batchId: BatchId): Promise<readonly BatchData[]>
  /** Uploads of a batch whose load failed, for thirty days. */
  failedFiles(caller: Caller, batchId: BatchId): Promise<readonly BatchData[]>
  /** `row_errors/…`, `row_errors_sample.json`, `input_files/…`: refused rows and what was uploaded, for thirty days. */
  metaFiles(caller: Caller, batchId: BatchId): Promise<readonly BatchData[]>

  /**
   * The first rows of the files that were uploaded so far, as a load would give and refuse them; from the files of a batch
   * that failed too. @throws AppError 'ingest.invalid' for a file that cannot be read, 'batch.state' when the files are
   * gone, 'access.denied' for who sees the dataset in part
   */
  preview(caller: Caller, asked: AskedPreview): Promise<Preview>

  /** Removes what processes that died left behind at this node, and what was kept for its time. */
  sweep(): Promise<void>

  /** The columns a file seems to have. @throws AppError 'ingest.invalid' naming the file and what is wrong. */
  inferSchema(caller: Caller, file: FileToInfer): Promise<StructType>
}

export const externalIdLengthMax = 200
export const replayReasonLengthMax = 1_000

/** Rows that a preview has at most, refused ones included. */
export const previewRowsMax = 100

/** Batches that one replays: it rewrites the files that hold their rows. */
export const replacedMax = 100

export interface NewBatch {
  readonly datasetId: DatasetId
  readonly format: 'parquet' | 'json' | 'csv'
  /** Share of rows (0 to 100) that may be refused before the whole batch fails. Default 0. */
  readonly partialIngestionPercentage?: number
  /** Whether refused rows are kept with their reasons. Default true. */
  readonly hasDiagnostics?: boolean
  /** JSON files hold objects of several lines, one after the other or in an array. Default false. */
  readonly isMultiLineJson?: boolean
  /** Texts of JSON and CSV may hold U+0000, as those of Parquet may; else such rows are refused. Default false. */
  readonly takesNul?: boolean
  readonly tags?: Readonly<Record<string, unknown>>
  /**
   * The client's own name for it, at most `externalIdLengthMax` characters: who opens one of that name again gets the same
   * batch, for as long as it may have rows. So what is loaded under a name is loaded once, whoever tries it, and however
   * often. With other options than it was opened with it is refused: 'batch.state'.
   */
  readonly externalId?: string
  /**
   * Loaded batches of the dataset whose rows go in the same commit in which those of this one come; they are `inactive`
   * then. Older snapshots keep what was.
   */
  readonly replaces?: readonly BatchId[]
  /** Why it replaces them, at most `replayReasonLengthMax` characters. */
  readonly replayReason?: string
}

export interface FilePlace {
  readonly batchId: BatchId
  readonly datasetId: DatasetId
  /** As the client names it; only shown, never used as a path. `.gz` is unpacked. */
  readonly fileName: string
}

export interface Upload extends FilePlace {
  /** A chunk holds until the next one is asked for. */
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

export interface UploadPart extends Upload {
  readonly firstByte: number
  readonly lastByte: number
  /** Of the whole file. */
  readonly totalBytes: number
}

export type FileStatus =
  | { readonly isWhole: true; readonly bytes: number; readonly sha256: string }
  /** `bytes`: of the parts that came. */
  | { readonly isWhole: false; readonly bytes: number }

/** Something kept beside the rows of a batch. */
export interface BatchData {
  readonly name: string
  readonly bytes: number
  /** `end` is exclusive; the range is not empty. */
  read(range: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>
}

export interface AskedPreview {
  readonly batchId: BatchId
  readonly datasetId: DatasetId
  /** 1 to `previewRowsMax`. */
  readonly rowCountMax: number
  readonly signal: AbortSignal
}

export interface Preview {
  /** As JSON has them, NULL fields left out; numbers that a double does not hold as raw JSON. */
  readonly rows: readonly unknown[]
  readonly refused: readonly Reject[]
}

export interface FileToInfer {
  readonly fileName: string
  readonly format: 'parquet' | 'json' | 'csv'
  /** A chunk holds until the next one is asked for. */
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
