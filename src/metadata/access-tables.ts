import type { Generated, Selectable } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'

export interface AccessTables {
  organizations: {
    id: OrganizationId
    name: string
    created_at: Date
    batch_queries: Generated<boolean>
    sandboxes_max: Generated<number>
  }
  sandboxes: SandboxTable
  principals: {
    id: PrincipalId
    organization_id: OrganizationId
    name: string
    created_at: Date
    disabled_at: Date | null
    kind: Generated<'user' | 'api-client'>
    email: string | null
  }
  roles: RoleTable
  role_permissions: { role_id: string; permission: string }
  role_sandboxes: { role_id: string; sandbox_id: SandboxId }
  role_members: { role_id: string; principal_id: PrincipalId }
  role_groups: { role_id: string; group_id: string }
  user_groups: { id: string; organization_id: OrganizationId; name: string; created_at: Date }
  group_members: { group_id: string; principal_id: PrincipalId }
  access_policies: {
    id: string
    organization_id: OrganizationId
    document: unknown
    version: number
    created_at: Date
    created_by: string
    modified_at: Date
    modified_by: string
  }
  clients: {
    client_id: string
    principal_id: PrincipalId
    created_at: Date
    name: Generated<string>
    revoked_at: Date | null
  }
  client_secrets: {
    id: string
    client_id: string
    secret_hash: Buffer
    created_at: Date
    expires_at: Date | null
  }
  client_keys: {
    id: string
    client_id: string
    public_key: string
    created_at: Date
    expires_at: Date | null
  }
  used_assertions: { assertion_hash: Buffer; expires_at: Date }
  tokens: {
    token_hash: Buffer
    principal_id: PrincipalId
    client_id: string
    issued_at: Date
    expires_at: Date
  }
  sql_logins: SqlLoginTable
  audit: AuditTable
  audit_unsealed: { audit_id: string }
  audit_chain: { sequence: string; audit_id: string; hash: Buffer }
  secrets: {
    id: string
    organization_id: OrganizationId
    sandbox_id: SandboxId | null
    purpose: string
    sealed: string
    key_id: string
    created_at: Date
  }
}

interface SandboxTable {
  id: SandboxId
  organization_id: OrganizationId
  name: string
  title: Generated<string>
  type: Generated<'production' | 'development'>
  is_default: Generated<boolean>
  state: Generated<'creating' | 'active' | 'resetting' | 'deleting' | 'deleted' | 'failed'>
  version: Generated<number>
  created_by: Generated<string>
  created_at: Date
  modified_by: Generated<string>
  modified_at: Date
  /** Since when the name belongs to a later, empty sandbox. */
  retired_at: Date | null
}

interface RoleTable {
  id: string
  organization_id: OrganizationId
  /** Of those the product ships. */
  key: string | null
  name: string
  description: Generated<string>
  role_type: Generated<'user-defined' | 'system-defined'>
  is_everywhere: Generated<boolean>
  labels: Generated<unknown>
  version: Generated<number>
  created_by: Generated<string>
  created_at: Generated<Date>
  modified_by: Generated<string>
  modified_at: Generated<Date>
}

interface SqlLoginTable {
  sql_user: string
  principal_id: PrincipalId
  iterations: number
  salt: Buffer
  stored_key: Buffer
  server_key: Buffer
  created_at: Date
  expires_at: Date | null
  previous_stored_key: Buffer | null
  previous_server_key: Buffer | null
  previous_until: Date | null
  /** When somebody last signed in by it, to the day; null: it does not end by being unused. */
  used_at: Date | null
}

export interface AuditTable {
  id: Generated<string>
  at: Date
  organization_id: OrganizationId | null
  principal_id: PrincipalId | null
  sandbox_id: SandboxId | null
  action: string
  asset_type: string
  asset_id: string
  status: 'Allow' | 'Deny'
  detail: unknown
  request_id: string | null
  client_id: string | null
  address: string | null
}

export type PrincipalRow = Selectable<AccessTables['principals']>
export type SandboxRow = Selectable<SandboxTable>
export type RoleRow = Selectable<RoleTable>
export type ClientRow = Selectable<AccessTables['clients']>
export type SqlLoginRow = Selectable<SqlLoginTable>
export type PolicyRow = Selectable<AccessTables['access_policies']>
export type GroupRow = Selectable<AccessTables['user_groups']>
