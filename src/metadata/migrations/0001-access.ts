import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `create table organizations (
    id text primary key,
    name text not null,
    created_at timestamptz not null
  )`,
  `create table sandboxes (
    id uuid primary key,
    organization_id text not null references organizations,
    name text not null,
    created_at timestamptz not null,
    unique (organization_id, name)
  )`,
  `create table principals (
    id uuid primary key,
    organization_id text not null references organizations,
    name text not null,
    created_at timestamptz not null,
    disabled_at timestamptz
  )`,
  `create table roles (
    id uuid primary key,
    organization_id text not null references organizations,
    name text not null,
    unique (organization_id, name)
  )`,
  // Without a sandbox: in every sandbox of the role's organisation.
  `create table role_permissions (
    role_id uuid not null references roles on delete cascade,
    permission text not null,
    sandbox_id uuid references sandboxes on delete cascade,
    unique nulls not distinct (role_id, permission, sandbox_id)
  )`,
  `create table role_members (
    role_id uuid not null references roles on delete cascade,
    principal_id uuid not null references principals on delete cascade,
    primary key (role_id, principal_id)
  )`,
  'create index on role_members (principal_id)',
  `create table clients (
    client_id text primary key,
    principal_id uuid not null references principals on delete cascade,
    secret_hash bytea not null,
    created_at timestamptz not null
  )`,
  `create table tokens (
    token_hash bytea primary key,
    principal_id uuid not null references principals on delete cascade,
    expires_at timestamptz not null
  )`,
  'create index on tokens (expires_at)',
  `create table sql_logins (
    sql_user text primary key,
    principal_id uuid not null references principals on delete cascade,
    iterations integer not null,
    salt bytea not null,
    stored_key bytea not null,
    server_key bytea not null,
    created_at timestamptz not null
  )`,
  // Ids without references: an entry outlives what it tells of.
  `create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    organization_id text,
    principal_id uuid,
    sandbox_id uuid,
    action text not null,
    asset_type text not null,
    asset_id text not null,
    status text not null check (status in ('Allow', 'Deny')),
    detail jsonb not null
  )`,
  'create index on audit (organization_id, at)',
  `create function audit_is_append_only() returns trigger language plpgsql as
    $$ begin raise exception 'The audit is append-only.'; end $$`,
  `create trigger audit_is_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only()`,
]
