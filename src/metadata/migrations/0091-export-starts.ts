import { type Kysely, sql } from 'kysely'

/** Where exports of only what is new begin: from now on it is settled when they are made. */
// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    update flow_entities flow
    set document = flow.document || jsonb_build_object('startSequences', coalesce((
      select jsonb_object_agg(dataset.id, coalesce((
        select max(sequence) from lake_commits
        where table_id = dataset.table_id and committed_at <= flow.created_at
      ), 0))
      from flow_entities source
      cross join lateral jsonb_array_elements(source.document -> 'params' -> 'datasets') named
      join datasets dataset on dataset.id = named ->> 'dataSetId'
      where source.kind = 'sourceConnections'
        and source.id::text = flow.document -> 'sourceConnectionIds' ->> 0
    ), '{}'))
    where flow.kind = 'flows'`.execute(db)
}
