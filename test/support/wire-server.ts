import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Access } from '../../src/access/access.ts'
import { scramVerifierOf } from '../../src/access/scram.ts'
import { AppError } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/log.ts'
import type { CancelBell } from '../../src/pgwire/cancel-keys.ts'
import { loopbackCertificate } from '../../src/pgwire/certificate.ts'
import { type PostgresServerOptions, startPostgresServer } from '../../src/pgwire/server.ts'
import { scriptedQuery, type ScriptedQuery } from './scripted-query.ts'

export interface WireServer extends AsyncDisposable {
  readonly port: number
  readonly query: ScriptedQuery
  readonly logged: { readonly level: string; readonly event: string }[]
  stop(): Promise<void>
}

/** The PostgreSQL protocol before a scripted query service, with one user: ann, whose password is secret. */
export async function wireServer(
  options: Partial<
    Pick<
      PostgresServerOptions,
      'startupTimeoutMs' | 'stopTimeoutMs' | 'patienceMs' | 'allowsPlainText' | 'cancelBell'
    >
  > & {
    readonly sessionsMax?: number
    readonly sessionIdleMs?: number
  } = {},
): Promise<WireServer> {
  const { sessionsMax = 20, sessionIdleMs = 60_000, ...others } = options
  const folder = await mkdtemp(join(tmpdir(), 'sluice-pgwire-'))
  const query = scriptedQuery()
  const logged: { level: string; event: string }[] = []
  const logger: Logger = { log: (level, event) => void logged.push({ level, event }), child: () => logger }
  const server = await startPostgresServer({
    query,
    access: await oneUser(),
    host: '127.0.0.1',
    port: 0,
    tls: await loopbackCertificate(folder),
    limits: { sessionsMax, sessionIdleMs },
    cancelBell: loneBell(),
    logger,
    ...others,
  })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= Promise.resolve(server[Symbol.asyncDispose]()))
  return {
    port: server.port,
    query,
    logged,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Rings among the servers that are given it, and counts. */
export function loneBell(): CancelBell & { readonly words: string[] } {
  const hearers = new Set<(word: string) => void>()
  const words: string[] = []
  return {
    words,
    ring: async (word) => {
      words.push(word)
      for (const hear of hearers) hear(word)
    },
    listen: async (hear) => {
      hearers.add(hear)
      return { [Symbol.asyncDispose]: async () => void hearers.delete(hear) }
    },
  }
}

async function oneUser(): Promise<Access> {
  const verifier = await scramVerifierOf('secret')
  const principal = { id: 'ann', organizationId: 'org', name: 'ann' }
  const partly: Partial<Access> = {
    sqlSignIn: async (user) => ({
      verifier: user === 'ann' ? verifier : undefined,
      proved: () => ({ principal: principal as never, check: async () => undefined }),
      refused: async () => {},
    }),
    sandbox: async (_principal, name) => {
      if (name === 'prod') return { id: 'sandbox', organizationId: 'org', name } as never
      throw new AppError('access.denied', 'No sandbox of that name is open to you.')
    },
  }
  return partly as Access
}

/** Resolves when the condition holds; the test's own time-out is the limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
