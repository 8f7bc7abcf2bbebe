import { randomBytes } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import { selectPrincipals } from '#metadata/access.ts'
import {
  deleteSqlLogin,
  findSqlLogin,
  putSqlLogin,
  selectSqlLogins,
  type SqlLoginRow,
} from '#metadata/credentials.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Caller } from './access.ts'
import { type Admin, principalIdOf, unknownThing } from './administration.ts'
import { scramVerifierOf } from './scram.ts'
import { newSecret } from './secrets.ts'

const hourMs = 3_600_000
/** As the reference platform's expiring credentials. */
export const loginHours = 24
const prefixPattern = /^[a-z][a-z0-9_-]{0,39}$/

export interface SqlLogin {
  readonly sqlUser: string
  readonly principalName: string
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
}

export interface NewSqlLogin {
  readonly sqlUser: string
  /** Told here and never again. */
  readonly sqlPassword: string
  readonly expiresAt: Date | undefined
}

/**
 * Names and passwords for the PostgreSQL protocol. Whoever manages queries makes expiring ones for himself; ones that
 * do not expire, unless nobody uses them for ninety days, need `manage-query-service-integration`; those of others an
 * organisation administrator.
 */
export function createSqlLoginAdmin(admin: Admin) {
  const { metadata, clock, access } = admin

  async function isAdministrator({ principal, sandbox }: Caller): Promise<boolean> {
    const question = { principal, permission: 'administer-organization', sandboxId: sandbox.id } as const
    return (await access.decide(question)).isAllowed
  }

  /** Another's login, and one of another organisation, is as unknown as one that is not there. */
  async function reachable(tx: Transaction, asker: Caller, sqlUser: string): Promise<SqlLoginRow> {
    const { organizationId, id } = asker.principal
    const reach = (await isAdministrator(asker)) ? { organizationId } : { organizationId, principalId: id }
    const isThere = (await selectSqlLogins(tx, reach)).some((login) => login.sql_user === sqlUser)
    const login = isThere ? await findSqlLogin(tx, sqlUser) : undefined
    if (login) return login
    throw unknownThing('SQL login', sqlUser)
  }

  async function principalFor(tx: Transaction, asker: Caller, wanted: string | undefined) {
    if (wanted === undefined) return asker.principal.id
    const { organizationId } = asker.principal
    const found = (await selectPrincipals(tx, { organizationId })).find(
      ({ id, email }) => id === principalIdOf(wanted) || email === wanted.toLowerCase(),
    )
    if (found) return found.id
    throw unknownThing('user', wanted)
  }

  return {
    /** The asker's own; an organisation administrator's are all. */
    sqlLogins: async (asker: Caller): Promise<SqlLogin[]> => {
      await admin.require(asker, 'manage-queries')
      const { organizationId, id } = asker.principal
      const reach = (await isAdministrator(asker)) ? { organizationId } : { organizationId, principalId: id }
      return (await selectSqlLogins(metadata.db, reach)).map((row) => ({
        sqlUser: row.sql_user,
        principalName: row.principal_name,
        createdAt: row.created_at,
        expiresAt: row.expires_at ?? undefined,
      }))
    },

    createSqlLogin: async (
      asker: Caller,
      wanted: {
        readonly prefix: string
        readonly isExpiring: boolean
        readonly userId?: string | undefined
      },
    ): Promise<NewSqlLogin> => {
      await admin.require(asker, wanted.isExpiring ? 'manage-queries' : 'manage-query-service-integration')
      if (wanted.userId !== undefined) await admin.require(asker)
      if (!prefixPattern.test(wanted.prefix)) {
        throw new AppError(
          'admin.invalid',
          'The name of a SQL login has 1 to 40 characters: lower-case letters, digits, _ and -, a letter first.',
        )
      }
      const sqlUser = `${wanted.prefix}_${randomBytes(4).toString('hex')}`
      const sqlPassword = newSecret()
      const verifier = await scramVerifierOf(sqlPassword)
      const now = clock.now()
      const expiresAt = wanted.isExpiring ? new Date(now.getTime() + loginHours * hourMs) : undefined
      await metadata.transaction(async (tx) => {
        await putSqlLogin(tx, {
          sql_user: sqlUser,
          principal_id: await principalFor(tx, asker, wanted.userId),
          iterations: verifier.iterations,
          salt: verifier.salt,
          stored_key: verifier.storedKey,
          server_key: verifier.serverKey,
          created_at: now,
          expires_at: expiresAt ?? null,
          previous_stored_key: null,
          previous_server_key: null,
          previous_until: null,
          used_at: wanted.isExpiring ? null : now,
        })
        const detail = { isExpiring: wanted.isExpiring }
        await admin.record(tx, asker, { action: 'create', assetType: 'SQL Login', assetId: sqlUser, detail })
      })
      return { sqlUser, sqlPassword, expiresAt }
    },

    /** A new password; the one before works on for the overlap. */
    rotateSqlLogin: async (
      asker: Caller,
      sqlUser: string,
      { overlapHours }: { readonly overlapHours: number },
    ): Promise<NewSqlLogin> => {
      await admin.require(asker, 'manage-queries')
      const sqlPassword = newSecret()
      return await metadata.transaction(async (tx) => {
        const login = await reachable(tx, asker, sqlUser)
        const { salt, iterations } = login
        // The client is told one salt before it proves anything: both passwords must share it.
        const verifier = await scramVerifierOf(sqlPassword, { salt, iterations })
        const now = clock.now()
        const isExpiring = login.expires_at !== null
        const expiresAt = isExpiring ? new Date(now.getTime() + loginHours * hourMs) : undefined
        const hasOverlap = overlapHours > 0
        await putSqlLogin(tx, {
          ...login,
          stored_key: verifier.storedKey,
          server_key: verifier.serverKey,
          expires_at: expiresAt ?? null,
          previous_stored_key: hasOverlap ? login.stored_key : null,
          previous_server_key: hasOverlap ? login.server_key : null,
          previous_until: hasOverlap ? new Date(now.getTime() + overlapHours * hourMs) : null,
          used_at: login.used_at && now,
        })
        const detail = { overlapHours }
        await admin.record(tx, asker, { action: 'rotate', assetType: 'SQL Login', assetId: sqlUser, detail })
        return { sqlUser, sqlPassword, expiresAt }
      })
    },

    deleteSqlLogin: async (asker: Caller, sqlUser: string): Promise<void> => {
      await admin.require(asker, 'manage-queries')
      await metadata.transaction(async (tx) => {
        await reachable(tx, asker, sqlUser)
        await deleteSqlLogin(tx, sqlUser)
        await admin.record(tx, asker, { action: 'delete', assetType: 'SQL Login', assetId: sqlUser })
      })
    },
  }
}
