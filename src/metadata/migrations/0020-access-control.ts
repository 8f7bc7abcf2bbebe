import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  `alter table organizations
    add column batch_queries boolean not null default true,
    add column sandboxes_max integer not null default 75`,
  `alter table sandboxes
    add column title text not null default '',
    add column type text not null default 'development' check (type in ('production', 'development')),
    add column is_default boolean not null default false,
    add column state text not null default 'active'
      check (state in ('creating', 'active', 'resetting', 'deleting', 'deleted', 'failed')),
    add column version integer not null default 1,
    add column created_by text not null default 'sluice',
    add column modified_by text not null default 'sluice',
    add column modified_at timestamptz,
    add column retired_at timestamptz`,
  `update sandboxes set modified_at = created_at, title = name`,
  `update sandboxes set title = 'Prod', type = 'production', is_default = true where name = 'prod'`,
  'alter table sandboxes alter column modified_at set not null',
  'create unique index sandboxes_default on sandboxes (organization_id) where is_default and retired_at is null',

  `alter table principals
    add column kind text not null default 'user' check (kind in ('user', 'api-client')),
    add column email text`,
  'create unique index principals_email on principals (organization_id, lower(email)) where email is not null',

  // The rights of a role are its permissions, in its sandboxes, for its subjects.
  `alter table roles
    add column key text,
    add column description text not null default '',
    add column role_type text not null default 'user-defined' check (role_type in ('user-defined', 'system-defined')),
    add column is_everywhere boolean not null default false,
    add column labels jsonb not null default '[]',
    add column version integer not null default 1,
    add column created_by text not null default 'sluice',
    add column created_at timestamptz not null default now(),
    add column modified_by text not null default 'sluice',
    add column modified_at timestamptz not null default now(),
    add unique (organization_id, key)`,
  `update roles set name = 'Organisation administrator', key = 'organization-administrator',
    description = 'Everything, in every sandbox', role_type = 'system-defined', is_everywhere = true
    where name = 'administrator'`,
  // What the administrator holds is filled in at every start.
  'drop table role_permissions',
  `create table role_permissions (
    role_id uuid not null references roles on delete cascade,
    permission text not null,
    primary key (role_id, permission)
  )`,
  `create table role_sandboxes (
    role_id uuid not null references roles on delete cascade,
    sandbox_id uuid not null references sandboxes on delete cascade,
    primary key (role_id, sandbox_id)
  )`,
  `create table user_groups (
    id uuid primary key,
    organization_id text not null references organizations,
    name text not null,
    created_at timestamptz not null,
    unique (organization_id, name)
  )`,
  `create table group_members (
    group_id uuid not null references user_groups on delete cascade,
    principal_id uuid not null references principals on delete cascade,
    primary key (group_id, principal_id)
  )`,
  'create index on group_members (principal_id)',
  `create table role_groups (
    role_id uuid not null references roles on delete cascade,
    group_id uuid not null references user_groups on delete cascade,
    primary key (role_id, group_id)
  )`,
  'create index on role_groups (group_id)',
  `create table access_policies (
    id uuid primary key,
    organization_id text not null references organizations,
    document jsonb not null,
    version integer not null,
    created_at timestamptz not null,
    created_by text not null,
    modified_at timestamptz not null,
    modified_by text not null
  )`,
]
