import type { Caller, Principal } from '#access/access.ts'
import type { CommitBody, TableRequest } from '#lake/catalogue-requests.ts'

/**
 * The lake's tables as other engines see them: a namespace is a sandbox, a table a dataset under its table name. An
 * engine reads and writes files itself, whole, so that nobody gets a table whose rows or columns are filtered for him.
 * What somebody may not see does not exist for him.
 */
export interface SharedTables {
  /** Sandboxes whose datasets the principal may see, by name. */
  namespaces(principal: Principal): Promise<readonly string[]>
  /** The sandbox of that name, if the principal may see its datasets; a denial is audited. */
  open(principal: Principal, namespace: string): Promise<Caller | undefined>

  /** Names of the tables that the caller can load. */
  list(caller: Caller): Promise<readonly string[]>
  /** @throws AppError 'dataset.unknown', 'access.denied' when his rights are filtered */
  check(caller: Caller, name: string): Promise<void>
  /** As `check`, and audited. */
  load(caller: Caller, name: string): Promise<SharedTable>

  /**
   * Makes a dataset and its table, with the system columns after those asked for; or, staged, only what a first commit
   * needs. @throws AppError 'dataset.exists', 'request.invalid', 'schema.invalid', 'access.denied'
   */
  create(caller: Caller, table: TableRequest): Promise<SharedTable>

  /**
   * Takes a commit; repeated, it changes nothing. New columns become the dataset's.
   * @throws AppError 'lake.conflict', 'dataset.unknown', 'dataset.exists' for a first one, 'schema.conflict',
   *   'request.invalid', 'access.denied'; any other means that nobody knows whether it was made
   */
  commit(
    caller: Caller,
    name: string,
    given: { readonly change: CommitBody; readonly signal: AbortSignal },
  ): Promise<SharedTable>

  /** Deletes the dataset; purged, its rows and their files are removed for good first, whoever has them pinned. */
  drop(
    caller: Caller,
    name: string,
    given: { readonly isPurge: boolean; readonly signal: AbortSignal },
  ): Promise<void>
}

/** Iceberg's metadata as JSON text, and the file that has it; a staged table has none yet. */
export interface SharedTable {
  readonly location: string | undefined
  readonly json: string
}
