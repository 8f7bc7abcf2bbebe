import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import {
  deleteExpiredTokens,
  findClient,
  findPrincipal,
  findPrincipalByToken,
  findSandbox,
  findSandboxByName,
  findSqlLogin,
  insertAudit,
  insertToken,
  isPermitted,
  selectSandboxes,
  type PrincipalRow,
  type SandboxRow,
} from '#metadata/access.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { Access, AuditEntry, Decision, Principal, Question, Sandbox } from './access.ts'
import { bootstrap, rotateCredentials } from './bootstrap.ts'
import { hashSecret, isSecret, newSecret } from './secrets.ts'

/** As the reference platform's token endpoint says it. */
const tokenSeconds = 86_399
/** Compared with when the client is unknown, so that the answer takes as long. */
const nobodysHash = hashSecret(newSecret())

export interface AccessOptions {
  readonly metadata: Metadata
  /** Where the first administrator's credentials are kept. */
  readonly credentialsFile: string
  readonly clock: Clock
  readonly logger: Logger
}

export function createAccess({ metadata, credentialsFile, clock, logger }: AccessOptions): Access {
  const { db } = metadata

  async function decide(question: Question): Promise<Decision> {
    const isAllowed = await isPermitted(db, {
      principalId: question.principal.id,
      permission: question.permission,
      sandboxId: question.sandboxId,
    })
    return isAllowed
      ? { isAllowed: true, rowFilters: [], masks: {} }
      : { isAllowed: false, missing: question.permission }
  }

  async function audit(entry: AuditEntry, tx?: Transaction): Promise<void> {
    await insertAudit(tx ?? db, {
      at: clock.now(),
      principal_id: entry.principalId ?? null,
      sandbox_id: entry.sandboxId ?? null,
      action: entry.action,
      asset_type: entry.assetType,
      asset_id: entry.assetId,
      status: entry.status,
      detail: entry.detail ?? {},
    })
  }

  async function openSandbox(
    principal: Principal,
    row: SandboxRow | undefined,
    asked: string,
  ): Promise<Sandbox> {
    if (row && row.organization_id === principal.organizationId) return sandboxOf(row)
    await audit({
      principalId: principal.id,
      sandboxId: undefined,
      action: 'deny',
      assetType: 'Sandbox',
      assetId: asked.slice(0, 200),
      status: 'Deny',
    })
    throw new AppError('access.denied', 'No sandbox of that name is open to you.', {
      hint: 'Name a sandbox of your organisation; the first one is prod.',
    })
  }

  return {
    decide,
    require: async (question) => {
      const decision = await decide(question)
      if (decision.isAllowed) return decision
      await audit({
        principalId: question.principal.id,
        sandboxId: question.sandboxId,
        action: 'deny',
        assetType: question.datasetId === undefined ? 'Permission' : 'DataSet',
        assetId: question.datasetId ?? question.permission,
        status: 'Deny',
        detail: { permission: question.permission },
      })
      logger.log('info', 'access.denied', {
        principalId: question.principal.id,
        permission: question.permission,
      })
      throw new AppError('access.denied', `This needs the permission ${question.permission}.`, {
        hint: 'Ask an administrator of your organisation for it.',
        detail: { permission: question.permission },
      })
    },
    authenticateToken: async (token) => {
      const row = await findPrincipalByToken(db, { tokenHash: hashSecret(token), now: clock.now() })
      if (row) return principalOf(row)
      throw new AppError('access.unauthenticated', 'The bearer token is unknown or has expired.', {
        hint: 'Fetch a new one from the token endpoint with your client id and secret.',
      })
    },
    issueToken: async ({ clientId, clientSecret }) => {
      const client = await findClient(db, clientId)
      const isRight = isSecret(clientSecret, client?.secret_hash ?? nobodysHash)
      if (!client || !isRight) {
        throw new AppError('access.unauthenticated', 'The client id or the client secret is wrong.', {
          hint: 'See them with: sluice credentials',
        })
      }
      const accessToken = newSecret()
      const now = clock.now()
      await deleteExpiredTokens(db, now)
      await insertToken(db, {
        token_hash: hashSecret(accessToken),
        principal_id: client.principal_id,
        expires_at: new Date(now.getTime() + tokenSeconds * 1000),
      })
      return { accessToken, expiresInSeconds: tokenSeconds }
    },
    scramVerifier: async (user) => {
      const login = await findSqlLogin(db, user)
      const principal = login && (await findPrincipal(db, login.principal_id))
      if (!login || !principal) return undefined
      return {
        principal: principalOf(principal),
        verifier: {
          iterations: login.iterations,
          salt: login.salt,
          storedKey: login.stored_key,
          serverKey: login.server_key,
        },
      }
    },
    sandbox: async (principal, name) => {
      const row = await findSandboxByName(db, { organizationId: principal.organizationId, name })
      return await openSandbox(principal, row, name)
    },
    sandboxes: async (principal, permission) => {
      const rows = await selectSandboxes(db, principal.organizationId)
      const decisions = await Promise.all(
        rows.map(async ({ id }) => await decide({ principal, permission, sandboxId: id })),
      )
      return rows.filter((_, index) => decisions[index]?.isAllowed).map(sandboxOf)
    },
    actAs: async (principalId: PrincipalId, sandboxId: SandboxId) => {
      const row = await findPrincipal(db, principalId)
      if (!row) {
        throw new AppError('access.denied', 'The principal this runs as is gone or disabled.', {
          hint: 'Give the schedule to another principal.',
        })
      }
      const principal = principalOf(row)
      return { principal, sandbox: await openSandbox(principal, await findSandbox(db, sandboxId), sandboxId) }
    },
    audit,
    bootstrap: () => bootstrap({ metadata, credentialsFile, clock }),
    rotateCredentials: () => rotateCredentials({ metadata, credentialsFile, clock }),
  }
}

function principalOf(row: PrincipalRow): Principal {
  return { id: row.id, organizationId: row.organization_id, name: row.name }
}

function sandboxOf(row: SandboxRow): Sandbox {
  return { id: row.id, organizationId: row.organization_id, name: row.name }
}
