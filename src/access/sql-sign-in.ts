import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import { findPrincipal } from '#metadata/access.ts'
import { findSqlLogin, type SqlLoginRow } from '#metadata/credentials.ts'
import type { Db } from '#metadata/metadata.ts'
import type { Access, Principal, ScramVerifier, SqlLogin } from './access.ts'
import type { SignIns } from './sign-ins.ts'
import { principalOf } from './tokens.ts'

/** Looked for when the login is unknown, so that it takes as long. */
const nobody = parseId('principal', '00000000-0000-0000-0000-000000000000')

interface Known {
  readonly principal: Principal
  readonly verifier: ScramVerifier
}

/** Sign-in over the PostgreSQL protocol, and what becomes of the login while its session lasts. */
export function createSqlSignIn(options: {
  readonly db: Db
  readonly clock: Clock
  readonly signIns: SignIns
}): Pick<Access, 'sqlSignIn'> {
  const { db, clock, signIns } = options

  async function known(user: string): Promise<Known | undefined> {
    const login = await findSqlLogin(db, user)
    const principal = await findPrincipal(db, login?.principal_id ?? nobody)
    const now = clock.now()
    const isOver = login?.expires_at != null && login.expires_at <= now
    if (!login || !principal || isOver) return undefined
    return { principal: principalOf(principal), verifier: verifierOf(login, now) }
  }

  /** The session ends with the password it was opened by: when it expires, is rotated away, or the login is gone. */
  function sessionOf(user: string, { principal }: Known, storedKey: Buffer): SqlLogin {
    return {
      principal,
      check: async () => {
        const now = await known(user)
        const keys = now ? [now.verifier, now.verifier.previous] : []
        const isGood =
          now?.principal.id === principal.id && keys.some((key) => key?.storedKey.equals(storedKey) === true)
        if (isGood) return
        await signIns.record('ended SQL login', principal)
        throw new AppError('access.ended', 'The SQL login of this session has expired or was ended.', {
          hint: 'Connect again with a login that is good.',
        })
      },
    }
  }

  return {
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
