import type { Tables } from './metadata.ts'

/** What a backup holds; the type makes the list whole. */
const all: Readonly<Record<keyof Tables, true>> = {
  audit: true,
  batch_files: true,
  batches: true,
  clients: true,
  datasets: true,
  descriptors: true,
  export_chains: true,
  export_parts: true,
  export_runs: true,
  flow_entities: true,
  home_state: true,
  identity_namespaces: true,
  job_runs: true,
  job_schedules: true,
  lake_commits: true,
  lake_pins: true,
  lake_removals: true,
  lake_tables: true,
  lake_writes: true,
  organizations: true,
  principals: true,
  query_log: true,
  role_members: true,
  role_permissions: true,
  roles: true,
  sandboxes: true,
  scheduled_queries: true,
  schema_changes: true,
  schemas: true,
  sql_logins: true,
  tokens: true,
}

export const tableNames = Object.keys(all).toSorted() as (keyof Tables)[]
