import { type Kysely, sql } from 'kysely'

/** What CREATE TABLE … AS made is marked until its rows are there; the mark stayed on tables that have them. */
// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    update datasets set tags = tags::jsonb - 'sluice/filled-by'
    where tags::jsonb ? 'sluice/filled-by'
      and exists (select from batches where batches.dataset_id = datasets.id)`.execute(db)
}
