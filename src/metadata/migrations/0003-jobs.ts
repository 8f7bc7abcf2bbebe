import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table job_runs (
    id uuid primary key,
    sequence bigint generated always as identity,
    kind text not null,
    subject_id text not null,
    tick text not null,
    state text not null check (state in ('queued', 'running', 'sealed', 'waiting', 'succeeded', 'failed', 'cancelled')),
    is_sealed boolean not null default false,
    due_at timestamptz not null,
    principal_id uuid not null,
    sandbox_id uuid not null,
    payload jsonb not null,
    progress jsonb not null default '{}',
    fence integer not null default 0,
    failure_count integer not null default 0,
    lease_node text,
    lease_incarnation text,
    leased_until timestamptz,
    cancel_requested_by uuid,
    code text,
    message text,
    result jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    unique (kind, subject_id, tick)
  )`,
  // One attempt at a time works for a subject: deliveries of one export, runs of one schedule follow each other.
  `create unique index job_runs_one_at_a_time on job_runs (kind, subject_id) where state in ('running', 'sealed')`,
  `create index job_runs_unfinished on job_runs (due_at) where state in ('queued', 'running', 'sealed', 'waiting')`,
  `create index job_runs_by_subject on job_runs (kind, subject_id, sequence)`,
  `create table job_schedules (
    kind text not null,
    subject_id text not null,
    rule jsonb not null,
    principal_id uuid not null,
    sandbox_id uuid not null,
    is_enabled boolean not null,
    next_at timestamptz,
    primary key (kind, subject_id)
  )`,
  `create index job_schedules_due on job_schedules (next_at) where is_enabled`,
]
