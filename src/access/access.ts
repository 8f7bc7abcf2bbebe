import type { DatasetId, OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Transaction } from '#metadata/metadata.ts'

/** Who asks. Made only by authentication (or by a job, which acts as the principal that owns its schedule). */
export interface Principal {
  readonly id: PrincipalId
  readonly organizationId: OrganizationId
  readonly name: string
}

/** Names in an organisation's namespace: datasets, tables, flows and SQL live in one sandbox. */
export interface Sandbox {
  readonly id: SandboxId
  readonly organizationId: OrganizationId
  readonly name: string
}

/** Who asks, and in which sandbox. */
export interface Caller {
  readonly principal: Principal
  readonly sandbox: Sandbox
}

/** As the reference platform names them, in our spelling. */
export const permissions = [
  'datasets.view',
  'datasets.manage',
  'schemas.view',
  'schemas.manage',
  'namespaces.view',
  'namespaces.manage',
  'queries.interactive',
  'queries.batch',
  'queries.manage',
  'destinations.view',
  'destinations.manage',
  'destinations.datasets', // Manage and Activate Dataset Destinations
  'monitoring.view',
  'sandboxes.manage',
  'audit.view',
] as const
export type Permission = (typeof permissions)[number]

export interface Question {
  readonly principal: Principal
  readonly permission: Permission
  readonly sandboxId: SandboxId
  /** Absent: the question is about the kind of thing, not about one. */
  readonly datasetId?: DatasetId
}

/** What may be seen, when it may: row filters and masks are empty until policies exist. */
export type Decision =
  | {
      readonly isAllowed: true
      readonly rowFilters: readonly string[]
      readonly masks: Readonly<Record<string, string>>
    }
  | { readonly isAllowed: false; readonly missing: Permission }

/** The one decision function and who people are. Every door asks it at run time. */
export interface Access {
  decide(question: Question): Promise<Decision>

  /** As `decide`, and writes the denial to the audit. @throws AppError 'access.denied' naming the permission only. */
  require(question: Question): Promise<Decision & { readonly isAllowed: true }>

  /** @throws AppError 'access.unauthenticated' */
  authenticateToken(token: string): Promise<Principal>

  /**
   * OAuth client credentials → bearer token.
   * @throws AppError 'access.unauthenticated'
   */
  issueToken(client: { readonly clientId: string; readonly clientSecret: string }): Promise<IssuedToken>

  /** For the PostgreSQL protocol; undefined for an unknown user (answer with a mock exchange). */
  scramVerifier(
    user: string,
  ): Promise<{ readonly principal: Principal; readonly verifier: ScramVerifier } | undefined>

  /** The sandbox of that name in the principal's organisation. @throws AppError 'access.denied' */
  sandbox(principal: Principal, name: string): Promise<Sandbox>

  /** Sandboxes of the principal's organisation in which it has the permission, by name. */
  sandboxes(principal: Principal, permission: Permission): Promise<readonly Sandbox[]>

  /** The principal and sandbox a job runs as. @throws AppError 'access.denied' when they are gone. */
  actAs(
    principalId: PrincipalId,
    sandboxId: SandboxId,
  ): Promise<{ readonly principal: Principal; readonly sandbox: Sandbox }>

  /** Within the transaction when the change itself is in one. */
  audit(entry: AuditEntry, tx?: Transaction): Promise<void>

  /** Organisation, `prod` sandbox, administrator and credentials, made once; later starts read the file. */
  bootstrap(): Promise<Credentials>

  /** New secrets for the administrator, in the file too; the old ones end at once. */
  rotateCredentials(): Promise<Credentials>
}

export interface IssuedToken {
  readonly accessToken: string
  readonly expiresInSeconds: number
}

/** SCRAM-SHA-256 as PostgreSQL stores it. */
export interface ScramVerifier {
  readonly iterations: number
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export interface AuditEntry {
  readonly principalId: PrincipalId | undefined
  readonly sandboxId: SandboxId | undefined
  /** `create`, `update`, `delete`, `query`, `export`, `deny`, … */
  readonly action: string
  readonly assetType: string
  readonly assetId: string
  readonly status: 'Allow' | 'Deny'
  readonly detail?: Readonly<Record<string, unknown>>
}

/** What `sluice credentials --format json` prints; kept 0600 in the home. */
export interface Credentials {
  readonly organizationId: OrganizationId
  readonly clientId: string
  readonly clientSecret: string
  readonly sqlUser: string
  readonly sqlPassword: string
}
