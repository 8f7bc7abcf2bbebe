import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface ResultTables {
  kept_results: {
    /** Of its query in the log. */
    id: string
    sandbox_id: SandboxId
    /** Whose it is: nobody else gets it. */
    principal_id: PrincipalId
    run_id: RunId
    /** On whose machine its files are. */
    node_id: string | null
    folder: string | null
    columns: ColumnType<unknown, string | null, string | null>
    /** In order: name, rows and bytes of each file. */
    parts: ColumnType<unknown, string | undefined, string>
    row_count: ColumnType<string, number | undefined, number>
    part_bytes: ColumnType<string, number, number>
    /** Links are signed with it. */
    link_key: string
    created_at: Date
    expires_at: Date
  }
}

export type KeptResultRow = Selectable<ResultTables['kept_results']>

export async function insertKeptResult(
  tx: Transaction,
  row: Pick<
    Insertable<ResultTables['kept_results']>,
    'id' | 'sandbox_id' | 'principal_id' | 'run_id' | 'part_bytes' | 'link_key' | 'created_at' | 'expires_at'
  >,
): Promise<void> {
  await tx.insertInto('kept_results').values(row).execute()
}

export async function selectKeptResult(db: Db, id: string): Promise<KeptResultRow | undefined> {
  return await db.selectFrom('kept_results').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function fillKeptResult(
  tx: Transaction,
  id: string,
  filled: {
    readonly node_id: string
    readonly folder: string
    readonly columns: string
    readonly parts: string
    readonly row_count: number
    readonly expires_at: Date
  },
): Promise<void> {
  await tx.updateTable('kept_results').set(filled).where('id', '=', id).execute()
}

export async function deleteKeptResult(db: Db, id: string): Promise<void> {
  await db.deleteFrom('kept_results').where('id', '=', id).execute()
}

export async function deleteKeptResultsBefore(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('kept_results').where('expires_at', '<=', time).execute()
}

/** Ids of those whose files a machine still has a use for. */
export async function selectKeptResultIds(db: Db): Promise<string[]> {
  return (await db.selectFrom('kept_results').select('id').execute()).map(({ id }) => id)
}
