import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`alter table batches
    add column has_diagnostics boolean not null default true,
    add column is_multi_line_json boolean not null default false`.execute(db)
  await sql`alter table batches drop constraint batches_state_check`.execute(db)
  await sql`alter table batches add constraint batches_state_check check
    (state in ('loading', 'queued', 'processing', 'success', 'failed', 'aborted', 'inactive'))`.execute(db)
  // Files that come in parts, until they are whole.
  await sql`create table batch_uploads (
    batch_id text not null references batches (id),
    file_name text not null,
    created_at timestamptz not null,
    primary key (batch_id, file_name)
  )`.execute(db)
  // `number` names the stored part, from the same counter as that of whole files.
  await sql`create table batch_parts (
    batch_id text not null,
    number integer not null,
    file_name text not null,
    first_byte bigint not null,
    bytes bigint not null,
    total_bytes bigint not null,
    primary key (batch_id, number),
    unique (batch_id, file_name, first_byte),
    foreign key (batch_id, file_name) references batch_uploads (batch_id, file_name) on delete cascade
  )`.execute(db)
}
