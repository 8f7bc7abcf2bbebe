import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table job_runs
    add column priority integer not null default 0,
    add column lane text,
    add column lane_max integer,
    add column lane_slot integer,
    add column pause_requested_by uuid`,
  // Two nodes that claim in the same moment can't both have the last place of a lane.
  `create unique index job_runs_lane on job_runs (lane, lane_slot) where state in ('running', 'sealed')`,
  // Runs of one flow: its id, or its id and a dataset's.
  `create index job_runs_by_flow on job_runs (split_part(subject_id, ':', 1), sequence) where kind = 'export'`,
  `alter table job_schedules add column options jsonb not null default '{}'`,
  `create table export_settings (
    organization_id text primary key references organizations,
    is_strict boolean not null
  )`,
]
