import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { PoolConfig } from 'pg'
import { type Backoff, backoffMs } from '#base/backoff.ts'
import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { type Ids, unprivilegedIds } from '#base/run-as.ts'
import { type Leashed, startLeashed } from './leash.ts'
import { postgresRole, prepareData } from './postgres-data.ts'
import { postgresPrograms } from './postgres-programs.ts'
import { endOldPostmaster, readPostmaster } from './postmaster.ts'

/** Of a socket's path; the kernel takes no longer one. */
const socketPathBytesMax = 107
const socketName = '.s.PGSQL.5432'
const readyPollMs = 10
/** Crash recovery reads at most `max_wal_size` again: seconds. */
const readyMsMax = 120_000
/** After so long without an end at our word we end it ourselves. */
const leashMsMax = 3_000
const othersMsMax = 30_000
const othersPollMs = 100
const restartBackoff: Backoff = { firstMs: 50, maxMs: 5_000, jitter: 0.5 }

export interface ManagedPostgresOptions {
  readonly dataFolder: string
  /** Receives a copy of the programs when an unprivileged user cannot reach the installed ones. */
  readonly programsFolder: string
  readonly logger: Logger
  /** False only in tests: what was committed need not survive a loss of power. */
  readonly isDurable?: boolean
  readonly connectionsMax?: number
  /** Roles beside our own that this process may connect as; whoever starts it makes them. */
  readonly roles?: readonly string[]
  /** What differs from the settings of the metadata. */
  readonly settings?: Readonly<Record<string, string>>
  /** Address space one of its processes may take; a statement that wants more fails, and its server lives. */
  readonly processBytesMax?: number
}

/** Our own PostgreSQL: a child on a unix socket, started again when it dies, gone when we are. */
export interface ManagedPostgres extends AsyncDisposable {
  readonly connection: PoolConfig
  pid(): number | undefined
}

/** The caller must hold the home: whatever else serves this data is ended. */
export async function startManagedPostgres(options: ManagedPostgresOptions): Promise<ManagedPostgres> {
  const { dataFolder, programsFolder: copyFolder, logger, isDurable = true, connectionsMax = 80 } = options
  const { roles = [], processBytesMax } = options
  const ids = unprivilegedIds()
  const programs = await postgresPrograms({ copyFolder, ids })
  await endOldPostmaster(dataFolder, logger)
  await prepareData({ dataFolder, programs, ids, isDurable, roles })
  const socket = await socketFolder(dataFolder, ids)
  const settings = {
    ...serverSettings({ socketFolder: socket.path, isDurable, connectionsMax }),
    ...options.settings,
  }
  const start = () => startServer({ dataFolder, programs, ids, settings, socket, logger, processBytesMax })

  let isClosing = false
  let running = await startAfterOthers(start)
  const supervised = supervise()

  async function supervise(): Promise<void> {
    for (let attempt = 1; ;) {
      const code = await running.process.exited
      if (isClosing) return
      logger.log('warn', 'postgres.died', { code, lines: running.process.lastLines() })
      for (;;) {
        try {
          await endOldPostmaster(dataFolder, logger)
          running = await start()
          attempt = 1
          break
        } catch (error) {
          logger.log('error', 'postgres.restart.failed', { attempt, error })
          await delay(backoffMs(restartBackoff, attempt))
          attempt += 1
        }
        if (isClosing) return
      }
      if (isClosing) running.process.stop()
    }
  }

  return {
    connection: { host: socket.path, port: 5432, user: postgresRole, database: 'postgres' },
    pid: () => running.pid,
    [Symbol.asyncDispose]: async () => {
      isClosing = true
      running.process.stop()
      const hasEnded = await Promise.race([
        supervised.then(() => true),
        delay(leashMsMax, false, { ref: false }),
      ])
      // Who passes the word on along the leash may have been killed.
      if (!hasEnded) await endOldPostmaster(dataFolder, logger)
      await supervised
      if (socket.isTemporary) await rm(socket.path, { recursive: true, force: true })
    },
  }
}

/**
 * Processes of a server that was killed end when they next look around: one that computes may take a while, and until then
 * PostgreSQL does not begin on their data.
 */
async function startAfterOthers<T>(start: () => Promise<T>): Promise<T> {
  for (const startedAt = performance.now(); ;) {
    try {
      return await start()
    } catch (error) {
      const isLater = error instanceof AppError && String(error.cause).includes('pre-existing shared memory')
      if (!isLater || performance.now() - startedAt > othersMsMax) throw error
      await delay(othersPollMs)
    }
  }
}

interface Socket {
  readonly path: string
  readonly isTemporary: boolean
}

/** In the data folder, which only its owner may enter; in the temporary folder when that path is too long. */
async function socketFolder(dataFolder: string, ids: Ids | undefined): Promise<Socket> {
  if (Buffer.byteLength(join(dataFolder, socketName)) <= socketPathBytesMax) {
    return { path: dataFolder, isTemporary: false }
  }
  const path = await mkdtemp(join(tmpdir(), 'sluice-'))
  if (ids) await chown(path, ids.uid, ids.gid)
  return { path, isTemporary: true }
}

function serverSettings(options: {
  readonly socketFolder: string
  readonly isDurable: boolean
  readonly connectionsMax: number
}): Readonly<Record<string, string>> {
  return {
    listen_addresses: '',
    unix_socket_directories: options.socketFolder,
    unix_socket_permissions: '0700',
    max_connections: String(options.connectionsMax),
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    // Nobody replicates this database: less is written.
    wal_level: 'minimal',
    max_wal_senders: '0',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    // Its log comes to us, and errors of statements come to who sent them.
    log_min_error_statement: 'panic',
    ...(options.isDurable
      ? {}
      : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' }),
  }
}

async function startServer(options: {
  readonly dataFolder: string
  readonly programs: string
  readonly ids: Ids | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly socket: Socket
  readonly logger: Logger
  readonly processBytesMax: number | undefined
}): Promise<{ readonly process: Leashed; readonly pid: number }> {
  const { dataFolder, programs, ids, settings, socket, logger } = options
  if (socket.isTemporary) {
    // The leash of the server before removed it.
    if (await mkdir(socket.path, { recursive: true, mode: 0o700 })) {
      if (ids) await chown(socket.path, ids.uid, ids.gid)
    }
  }
  const startedAt = performance.now()
  const leashed = startLeashed({
    program: join(programs, 'bin', 'postgres'),
    args: [
      '-D',
      dataFolder,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    folder: dataFolder,
    ids,
    onLine: (line) => logger.log('debug', 'postgres.log', { line }),
    removeFolder: socket.isTemporary ? socket.path : undefined,
    processBytesMax: options.processBytesMax,
  })
  const exit: { code?: number } = {}
  void leashed.exited.then((code) => (exit.code = code))
  while (exit.code === undefined && performance.now() - startedAt < readyMsMax) {
    const postmaster = await readPostmaster(dataFolder)
    if (postmaster?.isReady) {
      logger.log('debug', 'postgres.ready', {
        pid: postmaster.pid,
        ms: Math.round(performance.now() - startedAt),
      })
      return { process: leashed, pid: postmaster.pid }
    }
    await delay(readyPollMs)
  }
  leashed.stop()
  const code = await leashed.exited
  const words = leashed.lastLines()
  throw new AppError(
    'metadata.unavailable',
    `Our PostgreSQL did not start on ${dataFolder} (exit code ${code}).`,
    {
      cause: new Error(words.join('\n')),
      hint: `Its last words: ${words.at(-1) ?? 'none'}`,
    },
  )
}
