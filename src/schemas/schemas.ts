import type { Caller } from '#access/access.ts'
import type { Db, Transaction } from '#metadata/metadata.ts'
import type { Constraints } from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import type { Json } from './json.ts'
import type { ListQuery, Page } from './list.ts'
import type { Container, Resource, TenantKind, ResourceKind } from './resource.ts'
import type { View } from './view.ts'

/**
 * The schema registry: what is shipped (`global`) and what an organisation made in a sandbox (`tenant`). Each call asks
 * the decision function first. A look-up by id ignores the container, a list respects it.
 */
export interface Schemas {
  /** By `$id` or `meta:altId`. @throws AppError 'schema.unknown' */
  get(caller: Caller, kind: ReadableKind, id: string): Promise<Resource>
  /** As `get`, in the form asked for: JSON in UTF-8, which nobody may change. */
  look(caller: Caller, given: { kind: ReadableKind; id: string; view: View }): Promise<Buffer>
  list(
    caller: Caller,
    given: { container: Container; kind: ReadableKind; view: View; query: ListQuery },
  ): Promise<Page>

  /** @throws AppError 'schema.invalid' naming the field, 'schema.exists' for a title that is taken, 'schema.limit' */
  create(caller: Caller, kind: TenantKind, body: unknown): Promise<Resource>
  /**
   * Replaces what the author wrote. A resource whose schemas are in use keeps their fields.
   * @param given.ifMatch the eTag the change was made on; absent: the last writer wins.
   * @throws AppError 'schema.evolution' listing all violations, 'schema.version', and as `create`
   */
  replace(
    caller: Caller,
    given: { kind: TenantKind; id: string; body: unknown; ifMatch?: string },
  ): Promise<Resource>
  /** JSON Patch; the result is checked as a replacement. */
  patch(
    caller: Caller,
    given: { kind: TenantKind; id: string; patch: unknown; ifMatch?: string },
  ): Promise<Resource>
  /** @throws AppError 'schema.in_use' while a dataset, a union or another resource needs it */
  delete(caller: Caller, given: { kind: TenantKind; id: string; ifMatch?: string }): Promise<void>

  stats(caller: Caller): Promise<Json>
  /** A resource with all it needs of the organisation's own, dependencies first. */
  exportResources(caller: Caller, id: string): Promise<readonly Json[]>
  /** What `exportResources` gave, into this sandbox; what is there already and the same is passed over. */
  importResources(caller: Caller, body: unknown): Promise<readonly Resource[]>
  sample(caller: Caller, id: string): Promise<Json>
  changes(caller: Caller, id: string): Promise<readonly Json[]>

  /**
   * For a dataset to be made: nobody changes the schema until the transaction ends. The permission was asked for.
   * @throws AppError 'schema.unknown'
   */
  use(tx: Transaction, caller: Caller, id: string): Promise<SchemaToUse>
  /** The schema of a dataset made from columns: generated, used by it alone. */
  useColumns(
    tx: Transaction,
    caller: Caller,
    given: { readonly title: string; readonly columns: StructType },
  ): Promise<SchemaToUse>
  /**
   * Gives a schema that `useColumns` made the columns its table has now.
   * @throws AppError 'schema.conflict' when the schema is somebody's own: its table follows it, not it the table
   */
  changeColumns(
    tx: Transaction,
    caller: Caller,
    given: { readonly id: string; readonly columns: StructType },
  ): Promise<void>
  /** The schemas that carry the tag `union`, of those named. */
  unionSchemas(db: Db, caller: Caller, ids: readonly string[]): Promise<ReadonlySet<string>>
}

export type ReadableKind = ResourceKind | 'unions'

/** A schema with what rows must not leave out and what their values must be. */
export interface SchemaToUse {
  readonly id: string
  readonly isAdHoc: boolean
  readonly behavior: 'time-series' | 'record' | 'adhoc' | undefined
  readonly columns: StructType
  readonly required: readonly (readonly string[])[]
  readonly constraints: readonly Constraints[]
}

/** Columns were added to a schema that datasets use: their tables follow, in the same transaction. */
export type ColumnsAdded = (
  tx: Transaction,
  caller: Caller,
  schema: Pick<SchemaToUse, 'id' | 'columns' | 'required' | 'constraints'>,
) => Promise<void>
