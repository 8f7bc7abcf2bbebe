import { type Kysely, sql } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const statements = [
  // Classes, field groups and data types stand beside the schemas they are parts of; only schemas have columns.
  `alter table schemas
    alter column columns drop not null,
    add column resource_type text not null default 'schemas'
      check (resource_type in ('schemas', 'classes', 'mixins', 'datatypes')),
    add column revision integer not null default 0,
    add column required json not null default '[]',
    add column extends text[] not null default '{}',
    add column uses text[] not null default '{}',
    add column class_id text,
    add column is_union boolean not null default false,
    add column updated_at timestamptz,
    add column updated_by uuid`,
  'update schemas set updated_at = created_at, updated_by = created_by',
  'alter table schemas alter column updated_at set not null, alter column updated_by set not null',
  'create index schemas_uses on schemas using gin (uses)',
  // What each change left; the newest is also in the table above.
  `create table schema_changes (
    number bigint generated always as identity primary key,
    sandbox_id uuid not null,
    schema_id text not null,
    revision integer not null,
    resource_type text not null,
    action text not null check (action in ('create', 'update', 'delete')),
    at timestamptz not null,
    principal_id uuid not null,
    changes json not null,
    document json not null
  )`,
  'create index schema_changes_of on schema_changes (sandbox_id, schema_id, number)',
  'create index schema_changes_at on schema_changes (sandbox_id, number)',
  `create table descriptors (
    sandbox_id uuid not null,
    id text not null,
    type text not null,
    source_schema text not null,
    source_property text not null,
    document json not null,
    revision integer not null,
    created_at timestamptz not null,
    created_by uuid not null,
    updated_at timestamptz not null,
    updated_by uuid not null,
    primary key (sandbox_id, id),
    unique (sandbox_id, type, source_schema, source_property)
  )`,
  'create index descriptors_schema on descriptors (sandbox_id, source_schema)',
  'create sequence identity_namespace_ids as integer start with 10000000',
  `create table identity_namespaces (
    sandbox_id uuid not null,
    id integer not null default nextval('identity_namespace_ids'),
    code text not null,
    name text not null,
    description text not null,
    id_type text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    created_by uuid not null,
    primary key (sandbox_id, id)
  )`,
  'create unique index identity_namespaces_code on identity_namespaces (sandbox_id, lower(code))',
]
