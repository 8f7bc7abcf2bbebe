import type { BatchId, DatasetId, SandboxId, TableId } from '#base/ids.ts'
import type { Caller } from '#access/access.ts'
import type { BatchFigures } from '#metadata/batches.ts'
import type { BatchRowState } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { LakeTable, NewTable } from '#lake/lake.ts'
import type { StructType } from '#types/data-type.ts'
import type { AddedColumns } from './add-columns.ts'

/** Datasets, their schemas and batches. Each call asks the decision function first. */
export interface Datasets {
  /**
   * Makes dataset, schema (when given as columns) and lake table in one transaction. Tags that are the product's own
   * (`sluice/…`) are left out here, and cannot be changed later.
   * @throws AppError 'dataset.exists', 'schema.invalid', 'schema.unknown', 'access.denied'
   */
  create(caller: Caller, dataset: NewDataset): Promise<Dataset>
  /** As `create`, inside a transaction of the caller, and with tags of the product's own. `table`: how its table is made, when not as usual. */
  createIn(tx: Transaction, caller: Caller, dataset: NewDataset, table?: TableMaking): Promise<Dataset>

  /** By id. @throws AppError 'dataset.unknown' */
  get(caller: Caller, datasetId: DatasetId): Promise<Dataset>
  /** By SQL table name, ignoring case, or else by dataset name or id. */
  find(caller: Caller, name: string): Promise<Dataset | undefined>
  list(caller: Caller, page: DatasetPage): Promise<readonly Dataset[]>
  /**
   * Changes what people say of a dataset: name, description, tags and what the Catalog keeps for its clients. Its schema
   * and table name stay. A dataset is enabled for profiles only when its schema is in a union.
   * @param change makes the new document of the current one, under a lock.
   * @throws AppError 'request.invalid' naming the field
   */
  update(
    caller: Caller,
    datasetId: DatasetId,
    change: (current: DatasetDocument) => Readonly<Record<string, unknown>>,
  ): Promise<Dataset>
  /** Data usage labels, kept with the dataset. @throws AppError 'labels.unknown' while it has none */
  labels(caller: Caller, datasetId: DatasetId): Promise<DatasetLabels>
  /**
   * @param ifMatch the version the change was made on; undefined: there are none yet
   * @throws AppError 'schema.version', 'labels.exist'
   */
  putLabels(
    caller: Caller,
    given: { datasetId: DatasetId; labels: unknown; ifMatch: string | undefined },
  ): Promise<DatasetLabels>
  /** @throws AppError 'dataset.read_only' for a system dataset */
  delete(caller: Caller, datasetId: DatasetId): Promise<void>
  /** Whoever may change a dataset may give it to the system; who administers the organisation may take it back. */
  setManagedBy(caller: Caller, datasetId: DatasetId, managedBy: Dataset['managedBy']): Promise<void>
  /**
   * New columns behind those of a table that was made from columns.
   * @throws AppError 'schema.conflict' for a column there is, or when the table follows a schema somebody made
   */
  addColumns(tx: Transaction, caller: Caller, added: AddedColumns): Promise<void>

  /** All tables SQL may name in the sandbox: the binder's catalogue. */
  tables(caller: Caller): Promise<readonly Dataset[]>

  batch(caller: Caller, batchId: BatchId): Promise<Batch>
  batches(caller: Caller, page: BatchPage): Promise<readonly Batch[]>
  /**
   * Keeps a dataset from being deleted or changed until the transaction ends, in which rows of it are committed; called
   * before its table is locked. @throws AppError 'dataset.unknown'
   */
  lockForRows(tx: Transaction, datasetId: DatasetId): Promise<void>
  /** A batch row for rows that SQL writes (INSERT, CTAS); call within the commit's transaction. */
  recordCommittedBatch(tx: Transaction, batch: CommittedBatch): Promise<void>
  /** Of the product's own, which nobody changes from outside. */
  removeTag(tx: Transaction, datasetId: DatasetId, tag: string): Promise<void>
}

export type { Caller }

export interface DatasetPage {
  readonly limit: number
  readonly start: number
  readonly name?: string
  /** Text with `^` and `$` for the ends and `.*` for anything. */
  readonly namePattern?: string
  readonly schemaId?: string
  readonly orderBy?: readonly {
    readonly column: 'created_at' | 'updated_at' | 'name'
    readonly isDescending: boolean
  }[]
  readonly tags?: readonly { readonly key: string; readonly value: string }[]
}

/** What may be changed of a dataset. */
export interface DatasetDocument {
  readonly name: string
  readonly description: string
  readonly tags: Readonly<Record<string, readonly string[]>>
  readonly [key: string]: unknown
}

export interface DatasetLabels {
  readonly labels: readonly string[]
  readonly optionalLabels: readonly unknown[]
  readonly version: number
}

export interface NewDataset {
  readonly name: string
  readonly description?: string
  readonly tags?: Readonly<Record<string, readonly string[]>>
  /** Columns, or a registered schema by its `$id` or its title. */
  readonly schema:
    | { readonly kind: 'columns'; readonly columns: StructType }
    | { readonly kind: 'registered'; readonly id: string }
    | { readonly kind: 'titled'; readonly title: string }
  /** What the Catalog keeps for its clients and does not act on. */
  readonly properties?: Readonly<Record<string, unknown>>
  /** Absent: made from the name (lower case, `_` for all else, unique in the sandbox). */
  readonly tableName?: string
}

/** A table that somebody else has laid out, and perhaps filled. */
export interface TableMaking {
  /** The table's folder is named by it. */
  readonly datasetId: DatasetId
  readonly dayColumn: string | undefined
  create(tx: Transaction, table: NewTable): Promise<LakeTable>
}

export interface Dataset {
  readonly id: DatasetId
  readonly sandboxId: SandboxId
  readonly name: string
  readonly description: string
  readonly tableName: string
  readonly tableId: TableId
  readonly schemaId: string
  /** The user's columns. */
  readonly schema: StructType
  readonly behavior: 'time-series' | 'record' | 'adhoc'
  /** `SYSTEM`: read-only, and not to be deleted. */
  readonly managedBy: 'CUSTOMER' | 'SYSTEM'
  readonly tags: Readonly<Record<string, readonly string[]>>
  /** What the Catalog keeps for its clients and does not act on. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly createdBy: string
}

/** `abandoned`: its client never ended it. `inactive`: its rows were taken back. */
export type BatchState = BatchRowState

export interface BatchPage {
  readonly limit: number
  readonly start: number
  readonly datasetId?: DatasetId
  /** Any of them. */
  readonly states?: readonly BatchState[]
  readonly createdAfter?: Date
  readonly createdBefore?: Date
  /** Absent: newest first. */
  readonly orderBy?: readonly {
    readonly column: 'created_at' | 'updated_at'
    readonly isDescending: boolean
  }[]
}

export interface Batch {
  readonly id: BatchId
  readonly datasetId: DatasetId
  readonly state: BatchState
  readonly format: 'parquet' | 'json' | 'csv' | 'sql'
  readonly createdAt: Date
  readonly updatedAt: Date
  /** When its load began. */
  readonly startedAt: Date | undefined
  readonly completedAt: Date | undefined
  readonly recordCount: number
  readonly failedRecordCount: number
  readonly bytes: number
  readonly errors: readonly BatchError[]
  readonly tags: Readonly<Record<string, unknown>>
  /** Absent: nobody is known. */
  readonly createdBy: string | undefined
  /** Which node has its files, until they are loaded, and what it keeps of them afterwards. Absent: none came. */
  readonly nodeId: string | undefined
  readonly isMultiLineJson: boolean
  readonly takesNul: boolean
  readonly hasDiagnostics: boolean
  readonly partialIngestionPercentage: number
  /** Batches whose rows went when those of this one came. */
  readonly predecessors: readonly BatchId[]
  /** Why, in the client's word. */
  readonly replayReason: string | undefined
  readonly figures: BatchFigures
  /** What its client calls it. Absent: nothing. */
  readonly externalId: string | undefined
}

export interface BatchError {
  /** `INGEST-1401-400` and so on. */
  readonly code: string
  readonly description: string
  readonly rowCount: number
}

export interface CommittedBatch {
  readonly id: BatchId
  readonly datasetId: DatasetId
  readonly recordCount: number
  readonly bytes: number
  readonly tags?: Readonly<Record<string, unknown>>
}
