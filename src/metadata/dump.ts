import { sql } from 'kysely'
import { AppError } from '#base/errors.ts'
import type { Transaction } from './metadata.ts'
import { tableNames } from './table-names.ts'

/** A table as lines of text: rows as PostgreSQL itself prints and reads them, so that no value changes. */
export interface TableDump {
  readonly table: string
  readonly columns: readonly string[]
  /** One a row. */
  readonly rows: AsyncIterable<string>
}

const rowsAtOnce = 500

/** Every table of ours, within one REPEATABLE READ transaction; each must be read to its end before the next. */
export async function* dumpTables(tx: Transaction): AsyncGenerator<TableDump> {
  // The form in which values are printed; whoever reads them sets the same.
  await sql`set local datestyle = 'ISO, YMD'`.execute(tx)
  for (const table of tableNames) {
    yield { table, columns: await columnsOf(tx, table), rows: rowsOf(tx, table) }
  }
}

async function* rowsOf(tx: Transaction, table: string): AsyncGenerator<string> {
  await sql`declare sluice_dump no scroll cursor for
    select sluice_row::text as line from ${sql.table(table)} sluice_row`.execute(tx)
  for (;;) {
    const { rows } = await sql<{ line: string }>`fetch ${sql.lit(rowsAtOnce)} from sluice_dump`.execute(tx)
    for (const { line } of rows) yield line
    if (rows.length < rowsAtOnce) break
  }
  await sql`close sluice_dump`.execute(tx)
}

/** Where sequences stand. They stand in no transaction: never lower than what the rows have used. */
export async function selectSequences(tx: Transaction): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ name: string; value: string }>`
    select sequencename as name, last_value::text as value from pg_sequences
    where schemaname = current_schema() and last_value is not null order by 1`.execute(tx)
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

/** Whether the database has a table of ours. */
export async function hasTables(tx: Pick<Transaction, 'getExecutor'>): Promise<boolean> {
  const { rows } = await sql`
    select from pg_tables where schemaname = current_schema() and tablename = 'sluice_migrations'`.execute(tx)
  return rows.length > 0
}

/**
 * Fills the tables of a database that was migrated to the version of the dump. What migrations put in gives way;
 * triggers stay silent, because what they did stands in the dump.
 */
export async function loadTables(
  tx: Transaction,
  given: {
    readonly tables: readonly string[]
    readonly open: (table: string) => Promise<TableDump>
    readonly sequences: Readonly<Record<string, string>>
  },
): Promise<number> {
  await sql`set local datestyle = 'ISO, YMD'`.execute(tx)
  const order = await inOrderOfReferences(tx, given.tables)
  if (order.length === 0) return 0
  for (const table of order) await sql`alter table ${sql.table(table)} disable trigger user`.execute(tx)
  await sql`truncate ${sql.join(order.map((table) => sql.table(table)))}`.execute(tx)
  let rowCount = 0
  for (const table of order) {
    const dump = await given.open(table)
    const columns = await columnsOf(tx, table)
    if (columns.join() !== dump.columns.join()) throw otherColumns(table)
    rowCount += await insertLines(tx, { ...dump, columns: await writableColumnsOf(tx, table) })
  }
  for (const table of order) await sql`alter table ${sql.table(table)} enable trigger user`.execute(tx)
  for (const [name, value] of Object.entries(given.sequences)) {
    await sql`select setval(oid::regclass, ${value}::bigint) from pg_class
      where relkind = 'S' and relname = ${name} and relnamespace = current_schema()::regnamespace`.execute(tx)
  }
  return rowCount
}

async function insertLines(tx: Transaction, { table, columns, rows }: TableDump): Promise<number> {
  let count = 0
  let lines: string[] = []
  const flush = async () => {
    if (lines.length === 0) return
    // OFFSET 0: the text is read once a row, not once a column.
    await sql`insert into ${sql.table(table)} (${sql.join(columns.map((name) => sql.id(name)))})
      overriding system value
      select ${sql.join(columns.map((name) => sql`(line_row).${sql.id(name)}`))}
      from (select line::${sql.table(table)} as line_row from unnest(${lines}::text[]) as line offset 0) as rows`.execute(
      tx,
    )
    count += lines.length
    lines = []
  }
  for await (const line of rows) {
    lines.push(line)
    if (lines.length >= rowsAtOnce) await flush()
  }
  await flush()
  return count
}

async function columnsOf(tx: Transaction, table: string): Promise<string[]> {
  return await selectColumns(tx, table, false)
}

/** Without those that PostgreSQL computes. */
async function writableColumnsOf(tx: Transaction, table: string): Promise<string[]> {
  return await selectColumns(tx, table, true)
}

async function selectColumns(tx: Transaction, table: string, isWritable: boolean): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select attname as name from pg_attribute
    where attrelid = (current_schema() || '.' || quote_ident(${table}))::regclass
      and attnum > 0 and not attisdropped and (attgenerated = '' or not ${isWritable})
    order by attnum`.execute(tx)
  return rows.map(({ name }) => name)
}

/** Each table after those it refers to. */
async function inOrderOfReferences(tx: Transaction, tables: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ from: string; to: string }>`
    select child.relname as from, parent.relname as to
    from pg_constraint
    join pg_class child on child.oid = conrelid
    join pg_class parent on parent.oid = confrelid
    where contype = 'f' and connamespace = current_schema()::regnamespace`.execute(tx)
  const order: string[] = []
  const seen = new Set<string>()
  const visit = (table: string): void => {
    if (seen.has(table)) return
    seen.add(table)
    for (const reference of rows) if (reference.from === table) visit(reference.to)
    if (tables.includes(table)) order.push(table)
  }
  for (const table of tables) visit(table)
  return order
}

function otherColumns(table: string): AppError {
  return new AppError(
    'backup.corrupt',
    `The backup's table ${table} has other columns than its version says.`,
    {
      hint: 'Restore another backup.',
    },
  )
}
