import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table notifications (
    id uuid primary key,
    sandbox_id uuid not null,
    key text not null,
    topic text not null,
    title text not null,
    body text not null,
    detail json not null,
    created_at timestamptz not null,
    unique (sandbox_id, key)
  )`,
  `create index notifications_newest on notifications (sandbox_id, created_at desc)`,
  // Whose list it is in.
  `create table notification_readers (
    notification_id uuid not null references notifications on delete cascade,
    email text not null,
    read_at timestamptz,
    primary key (notification_id, email)
  )`,
  `create index notification_readers_email on notification_readers (email)`,
  `create table webhooks (
    id uuid primary key,
    organization_id text not null,
    sandbox_id uuid not null,
    url text not null,
    topics text[] not null,
    secret_id uuid not null,
    is_enabled boolean not null,
    created_at timestamptz not null,
    created_by uuid not null
  )`,
  `create index webhooks_of_sandbox on webhooks (sandbox_id, created_at)`,
]
