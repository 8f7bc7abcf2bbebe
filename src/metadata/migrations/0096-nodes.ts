import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  // Whose home has what a run needs, and the files of a batch; null: nobody's alone.
  await sql`alter table job_runs add column node_id text`.execute(db)
  await sql`alter table batches add column node_id text`.execute(db)
}
