import { type ColumnType, type Insertable, type RawBuilder, type Selectable, sql } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { contains, type PageOf, selectPage, type TimePage } from './page.ts'

export interface QueryTemplateTable {
  id: string
  sandbox_id: SandboxId
  name: string
  sql: string
  /** Values of its placeholders for whoever gives none. */
  parameters: ColumnType<unknown, string, string>
  created_at: Date
  created_by: PrincipalId
  updated_at: Date
  updated_by: PrincipalId
}

export type QueryTemplateRow = Selectable<QueryTemplateTable>

/** False when another one has the name. */
export async function insertQueryTemplate(
  tx: Transaction,
  row: Insertable<QueryTemplateTable>,
): Promise<boolean> {
  const answer = await tx
    .insertInto('query_templates')
    .values(row)
    .onConflict((conflict) => conflict.columns(['sandbox_id', 'name']).doNothing())
    .executeTakeFirst()
  return answer.numInsertedOrUpdatedRows === 1n
}

export async function selectQueryTemplate(
  db: Db,
  sandboxId: SandboxId,
  which: { readonly id: string } | { readonly name: string },
): Promise<QueryTemplateRow | undefined> {
  return await db
    .selectFrom('query_templates')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where((where) => ('id' in which ? where('id', '=', which.id) : where('name', '=', which.name)))
    .executeTakeFirst()
}

export async function updateQueryTemplate(
  tx: Transaction,
  id: string,
  change: Pick<Insertable<QueryTemplateTable>, 'name' | 'sql' | 'parameters' | 'updated_at' | 'updated_by'>,
): Promise<void> {
  await tx.updateTable('query_templates').set(change).where('id', '=', id).execute()
}

export async function deleteQueryTemplate(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('query_templates').where('id', '=', id).execute()
}

export interface TemplateFilter {
  readonly field: 'name' | 'userId' | 'lastUpdatedBy'
  readonly operator: '~' | '=='
  readonly values: readonly string[]
}

const columns = {
  name: sql`name`,
  userId: sql`created_by::text`,
  lastUpdatedBy: sql`updated_by::text`,
} as const

function conditionsOf(sandboxId: SandboxId, filters: readonly TemplateFilter[]): RawBuilder<boolean>[] {
  return [
    sql<boolean>`sandbox_id = ${sandboxId}`,
    ...filters.map(({ field, operator, values: [value = ''] }) =>
      operator === '~' ? contains(columns[field], value) : sql<boolean>`${columns[field]} = ${value}`,
    ),
  ]
}

export async function selectQueryTemplates(
  db: Db,
  sandboxId: SandboxId,
  options: {
    readonly page: TimePage
    readonly order: 'created' | 'updated'
    readonly filters: readonly TemplateFilter[]
  },
): Promise<PageOf<QueryTemplateRow>> {
  const order = options.order === 'created' ? sql<Date>`created_at` : sql<Date>`updated_at`
  return await selectPage<QueryTemplateRow>(db, options.page, {
    from: sql`query_templates`,
    conditions: conditionsOf(sandboxId, options.filters),
    order,
    bytes: sql`octet_length(sql) + octet_length(parameters::text)`,
  })
}

export async function countQueryTemplates(
  db: Db,
  sandboxId: SandboxId,
  filters: readonly TemplateFilter[],
): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) as count from query_templates
    where ${sql.join(conditionsOf(sandboxId, filters), sql` and `)}`.execute(db)
  return Number(rows[0]?.count)
}
