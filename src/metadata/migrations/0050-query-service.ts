import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // What ran by itself has a run, whose state is the truth; what a session ran belongs to a life of a node.
  `alter table query_log
    add column run_id uuid unique,
    add column schedule_id uuid,
    add column template_id uuid,
    add column template_name text,
    add column node_id text,
    add column incarnation text,
    add column request json,
    add column effective_sql text,
    add column output text check (output in ('ctas', 'insert')),
    add column referenced_datasets text[] not null default '{}',
    add column created_dataset text,
    add column is_hidden boolean not null default false,
    add column deleted_at timestamptz,
    drop constraint query_log_state_check,
    add constraint query_log_state_check
      check (state in ('SUBMITTED', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'KILLED', 'TIMEOUT'))`,
  `create index query_log_of_schedule on query_log (schedule_id, created_at) where schedule_id is not null`,
  `create index query_log_open on query_log (node_id) where state = 'IN_PROGRESS' and run_id is null`,
  `alter table scheduled_queries
    add column request json not null default '{}',
    add column template_id uuid,
    add column template_name text,
    add column updated_at timestamptz,
    add column updated_by uuid,
    add column failure_count integer not null default 0,
    add column is_quarantined boolean not null default false`,
  `update scheduled_queries set updated_at = created_at, updated_by = principal_id`,
  `alter table scheduled_queries alter column updated_at set not null, alter column updated_by set not null`,
  `create table query_templates (
    id uuid primary key,
    sandbox_id uuid not null,
    name text not null,
    sql text not null,
    parameters json not null,
    created_at timestamptz not null,
    created_by uuid not null,
    updated_at timestamptz not null,
    updated_by uuid not null
  )`,
  `create unique index query_templates_name on query_templates (sandbox_id, name)`,
  `create index query_templates_newest on query_templates (sandbox_id, created_at desc)`,
  `create table alert_subscriptions (
    id uuid primary key,
    sandbox_id uuid not null,
    asset_id uuid not null,
    alert_type text not null check (alert_type in ('start', 'success', 'failure', 'quarantine', 'delay')),
    is_enabled boolean not null,
    delay_minutes integer,
    created_at timestamptz not null,
    created_by uuid not null,
    unique (sandbox_id, asset_id, alert_type)
  )`,
  `create table alert_subscribers (
    alert_id uuid not null references alert_subscriptions on delete cascade,
    email text not null,
    in_product boolean not null,
    by_email boolean not null,
    primary key (alert_id, email)
  )`,
  `create index alert_subscribers_email on alert_subscribers (email)`,
]
