import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table run_totals (
    kind text not null,
    name text not null,
    value numeric not null,
    primary key (kind, name)
  )`,
  // What is looked for every hour, and few at a time.
  `create index job_runs_ended on job_runs (finished_at) where kind <> 'export' and finished_at is not null`,
  `create index export_parts_gone on export_parts (created_at) where state = 'gone'`,
]
