import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { sharedRead } from '#base/shared-read.ts'
import {
  findRightsOfLogin,
  findSqlLoginOf,
  findToken,
  type SqlLoginRow,
  touchSqlLogin,
} from '#metadata/credentials.ts'
import type { Db } from '#metadata/metadata.ts'
import type { Access, Principal, ScramVerifier, SqlLogin } from './access.ts'
import { scramVerifierOf } from './scram.ts'
import { hashSecret } from './secrets.ts'
import type { SignIns } from './sign-ins.ts'
import { principalOf } from './tokens.ts'

interface Known {
  readonly principal: Principal
  readonly verifier: ScramVerifier
  /** Whether its use today is yet to be noted. */
  readonly isToTouch: boolean
}

const dayMs = 86_400_000
/** A login that does not expire ends when nobody has signed in by it for so long. */
const unusedMaxMs = 90 * dayMs

/** Sign-in over the PostgreSQL protocol, and what becomes of the login while its session lasts. */
export function createSqlSignIn(options: {
  readonly db: Db
  readonly clock: Clock
  readonly signIns: SignIns
}): Pick<Access, 'sqlSignIn' | 'clearTextSignIn'> {
  const { db, clock, signIns } = options

  async function known(user: string): Promise<Known | undefined> {
    const found = await findSqlLoginOf(db, user)
    const now = clock.now()
    if (!found || (found.login.expires_at !== null && found.login.expires_at <= now)) return undefined
    const { used_at: usedAt } = found.login
    const unusedMs = usedAt === null ? 0 : now.getTime() - usedAt.getTime()
    if (unusedMs >= unusedMaxMs) return undefined
    return {
      principal: principalOf(found.principal),
      verifier: verifierOf(found.login, now),
      isToTouch: unusedMs >= dayMs,
    }
  }

  /** That nobody noted a sign-in is no reason to refuse it: the next one will be. */
  function noteUse(user: string, { isToTouch }: Known): void {
    if (isToTouch) touchSqlLogin(db, user, clock.now()).catch(() => undefined)
  }

  const looks = sharedLooks()

  /** The session ends with the password it was opened by: when it expires, is rotated away, or the login is gone. */
  function sessionOf(user: string, known: Known, storedKey: Buffer): SqlLogin {
    noteUse(user, known)
    const { principal } = known
    const login = { sqlUser: user, principalId: principal.id, storedKey }
    const key = JSON.stringify([user, principal.id, storedKey.toString('base64')])
    return {
      principal,
      check: async () => {
        // Sessions of one login that ask at the same time look together.
        const rightsRevision = await looks(key, () => findRightsOfLogin(db, login, clock.now()))
        if (rightsRevision !== undefined) return rightsRevision
        await signIns.record('ended SQL login', principal)
        throw new AppError('access.ended', 'The SQL login of this session has expired or was ended.', {
          hint: 'Connect again with a login that is good.',
        })
      },
    }
  }

  async function ended(principal: Principal): Promise<never> {
    await signIns.record('ended SQL login', principal)
    throw new AppError('access.ended', 'The token of this session has expired or was ended.', {
      hint: 'Connect again with a new token.',
    })
  }

  async function principalOfToken(token: string): Promise<Principal | undefined> {
    const row = await findToken(db, hashSecret(token))
    return row && row.expires_at > clock.now() ? { ...principalOf(row), clientId: row.client_id } : undefined
  }

  async function byToken(token: string): Promise<SqlLogin | undefined> {
    const principal = await principalOfToken(token)
    return (
      principal && {
        principal,
        check: async () => {
          if ((await principalOfToken(token))?.id !== principal.id) await ended(principal)
          return undefined
        },
      }
    )
  }

  /** An unknown login costs the same work as a known one. */
  async function byCredential(user: string, password: string): Promise<SqlLogin | undefined> {
    const found = await known(user)
    const { storedKey } = await scramVerifierOf(password, found?.verifier ?? {})
    const keys = found ? [found.verifier, found.verifier.previous] : []
    const isGood = keys.some((key) => key !== undefined && timingSafeEqual(key.storedKey, storedKey))
    return found && isGood ? sessionOf(user, found, storedKey) : undefined
  }

  return {
    clearTextSignIn: async (organizationId, password) => {
      const [, user, secret] = /^([^:]{1,100}):(.+)$/s.exec(password) ?? []
      const isCredential = user !== undefined && secret !== undefined
      // Many sign in under an organisation's id: what is counted is whom or what they sign in as.
      const signIn = await signIns.begin(isCredential ? user : hashSecret(password).toString('hex'))
      const login = isCredential ? await byCredential(user, secret) : await byToken(password)
      if (login?.principal.organizationId === organizationId) {
        signIn.succeeded()
        return login
      }
      await signIn.refused(isCredential ? 'SQL password' : 'SQL token', login?.principal)
      throw new AppError('access.unauthenticated', 'The user or the password is wrong.', {
        hint: 'As the password, give a bearer token or LOGIN:PASSWORD.',
      })
    },
    sqlSignIn: async (user) => {
      const signIn = await signIns.begin(user)
      const found = await known(user)
      return {
        verifier: found?.verifier,
        proved: (storedKey) => {
          if (!found) throw new Error('Broken invariant: nobody knows the password of an unknown login')
          signIn.succeeded()
          return sessionOf(user, found, storedKey)
        },
        refused: () => signIn.refused('SQL password', found?.principal),
      }
    },
  }
}

/** So many logins are in use at a time, or a look is not shared. */
const loginsMax = 1_000

/** A shared read for each key; those used longest ago go first. */
function sharedLooks(): (
  key: string,
  read: () => Promise<string | undefined>,
) => Promise<string | undefined> {
  const reads = new Map<string, () => Promise<string | undefined>>()
  return async (key, read) => {
    const shared = reads.get(key) ?? sharedRead(read)
    reads.delete(key)
    reads.set(key, shared)
    if (reads.size > loginsMax) reads.delete(reads.keys().next().value ?? key)
    return await shared()
  }
}

function verifierOf(login: SqlLoginRow, now: Date): ScramVerifier {
  const { iterations, salt, previous_stored_key, previous_server_key, previous_until } = login
  const hasPrevious =
    previous_stored_key !== null &&
    previous_server_key !== null &&
    previous_until !== null &&
    previous_until > now
  return {
    iterations,
    salt,
    storedKey: login.stored_key,
    serverKey: login.server_key,
    ...(hasPrevious ? { previous: { storedKey: previous_stored_key, serverKey: previous_server_key } } : {}),
  }
}
