import type { DatasetId, OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { NewAuditRow } from '#metadata/audit.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Permission } from './permissions.ts'

/** Who asks. Made only by authentication (or by a job, which acts as the principal that owns its schedule). */
export interface Principal {
  readonly id: PrincipalId
  readonly organizationId: OrganizationId
  readonly name: string
  /** The API client whose token was shown. */
  readonly clientId?: string
}

/** Who asks, and where: every service takes it. */
export interface Caller {
  readonly principal: Principal
  readonly sandbox: Sandbox
  /** As in a question: for who asks one thing, and ends with it. */
  readonly rightsRevision?: string | undefined
}

/** Names in an organisation's namespace: datasets, tables, flows and SQL live in one sandbox. */
export interface Sandbox {
  readonly id: SandboxId
  readonly organizationId: OrganizationId
  readonly name: string
  readonly type: 'production' | 'development'
}

export type { Permission } from './permissions.ts'

export interface Question {
  readonly principal: Principal
  readonly permission: Permission
  readonly sandboxId: SandboxId
  /** Absent: the question is about the kind of thing, not about one. */
  readonly datasetId?: DatasetId
  /** Of all rights, where it was read after the question came; absent: it is read. */
  readonly rightsRevision?: string | undefined
  /** Of the dataset, as SQL names them: whether each may be read. */
  readonly columns?: readonly string[]
}

/** What may be seen, when it may: all of it where the three are empty. */
export interface View {
  /** SQL conditions on the dataset's columns; a row is seen when all hold. */
  readonly rowFilters: readonly string[]
  /** By column: the SQL expression seen in its place. */
  readonly masks: Readonly<Record<string, string>>
  /** Columns that are as if they did not exist. */
  readonly hiddenColumns: readonly string[]
}

export type Decision =
  | ({ readonly isAllowed: true } & View)
  | { readonly isAllowed: false; readonly missing: Permission }

/**
 * What narrows what roles give. Asked at every decision that roles allow, with the question as it came; it must answer
 * without asking for decisions itself. One that throws denies.
 */
export interface AccessPolicy {
  restrict(question: Question): Promise<readonly Restriction[]>
}

export type Restriction = { readonly kind: 'deny' } | ({ readonly kind: 'partial' } & Partial<View>)

/** The one decision function and who people are. Every door asks it at run time. */
export interface Access {
  decide(question: Question): Promise<Decision>

  /** As `decide` for each of the datasets, for lists: those it is yes for. */
  decideDatasets(question: Question, datasetIds: readonly DatasetId[]): Promise<ReadonlySet<DatasetId>>

  /** As `decide`, and writes the denial to the audit. @throws AppError 'access.denied' naming the permission only. */
  require(question: Question): Promise<Decision & { readonly isAllowed: true }>

  /** @throws AppError 'access.unauthenticated' */
  authenticateToken(token: string): Promise<Principal>

  /**
   * OAuth client credentials → bearer token.
   * @throws AppError 'access.unauthenticated', 'access.too_many'
   */
  issueToken(client: { readonly clientId: string; readonly clientSecret: string }): Promise<IssuedToken>

  /**
   * A signed assertion (JWT, RS256) of a client with a registered key → bearer token; an assertion is good for one.
   * @throws AppError 'access.unauthenticated', 'access.too_many'
   */
  exchangeAssertion(client: {
    readonly clientId: string
    readonly clientSecret: string
    readonly assertion: string
  }): Promise<IssuedToken>

  /** Ends a token; one that is unknown is ended already. */
  revokeToken(token: string): Promise<void>

  /** Begins a sign-in over the PostgreSQL protocol. @throws AppError 'access.too_many' */
  sqlSignIn(user: string): Promise<SqlSignIn>

  /**
   * Sign-in by an organisation's id as the user, and a bearer token or `login:password` as the password, as the reference
   * platform has it; only for channels that are encrypted.
   * @throws AppError 'access.unauthenticated', 'access.too_many'
   */
  clearTextSignIn(organizationId: string, password: string): Promise<SqlLogin>

  /**
   * The sandbox of that name in the principal's organisation.
   * @throws AppError 'access.denied', alike for one that is unknown, deleted, another organisation's, or out of the
   *   reach of all roles of the principal
   */
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

  /** The record of what the request under way did, for who stores it together with what it tells of. */
  auditRow(entry: AuditEntry): NewAuditRow

  /** Organisation, `prod` sandbox, administrator and credentials, made once; later starts read the file. */
  bootstrap(): Promise<Credentials>

  /** New secrets for the administrator, in the file too; the old ones end at once. On record. */
  rotateCredentials(by?: PrincipalId): Promise<Credentials>
}

export interface IssuedToken {
  readonly accessToken: string
  readonly expiresInSeconds: number
}

export interface SqlSignIn {
  /** Undefined for a login that is unknown, over, or whose principal is disabled: answer with a mock exchange. */
  readonly verifier: ScramVerifier | undefined
  /** The password was proved; the stored key says which one, while two are good. */
  proved(storedKey: Buffer): SqlLogin
  /** It was not: counted and on record. Resolves when the refusal may be said. */
  refused(): Promise<void>
}

/** What a session over the PostgreSQL protocol was opened by. */
export interface SqlLogin {
  readonly principal: Principal
  /**
   * To be asked before each statement. Gives the revision of all rights, where the same look has it.
   * @throws AppError 'access.ended' when it has expired or was ended since
   */
  check(): Promise<string | undefined>
}

/** SCRAM-SHA-256 as PostgreSQL stores it. */
export interface ScramVerifier extends ScramKeys {
  readonly iterations: number
  readonly salt: Buffer
  /** Of the password before a rotation, while it still works: made with the same salt. */
  readonly previous?: ScramKeys
}

export interface ScramKeys {
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export interface AuditEntry {
  readonly principalId: PrincipalId | undefined
  readonly sandboxId: SandboxId | undefined
  /** Only where there is no principal to tell it. */
  readonly organizationId?: OrganizationId
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
