import { randomBytes } from 'node:crypto'
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { AppError } from '#base/errors.ts'
import type { Ids } from '#base/run-as.ts'
import { startLeashed } from './leash.ts'
import { postgresMajor } from './postgres-programs.ts'

/** The one role of our managed database. */
export const postgresRole = 'sluice'

export interface DataOptions {
  readonly dataFolder: string
  readonly programs: string
  readonly ids: Ids | undefined
  readonly isDurable: boolean
  /** Beside our own, whom this account may connect as. */
  readonly roles?: readonly string[]
}

/** Makes the data folder when there is none, whole or not at all, and sets who may connect. */
export async function prepareData(options: DataOptions): Promise<void> {
  const { dataFolder, ids, roles = [] } = options
  const major = await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => undefined) // Absent: first start.
  if (major === undefined) await initialise(options)
  else if (major.trim() !== postgresMajor) {
    throw new AppError(
      'home.unusable',
      `The data in ${dataFolder} was written by PostgreSQL ${major.trim()}; this Sluice has ${postgresMajor}.`,
      { hint: 'Start the Sluice that wrote it, back up, and restore into a new home.' },
    )
  }
  // By the operating system's word for who asks: no password to keep, and our engine's children are nobody here.
  await writeOwned(join(dataFolder, 'pg_hba.conf'), 'local all all peer map=sluice\n', ids)
  const account = accountName().replaceAll('"', '""')
  await writeOwned(
    join(dataFolder, 'pg_ident.conf'),
    [postgresRole, ...roles].map((role) => `sluice "${account}" ${role}\n`).join(''),
    ids,
  )
}

async function initialise({ dataFolder, programs, ids, isDurable }: DataOptions): Promise<void> {
  await removeUnfinished(dataFolder)
  // A name of its own: an initdb whose owner was killed may write a moment longer.
  const unfinished = `${dataFolder}.new-${randomBytes(4).toString('hex')}`
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  if (ids) await chown(unfinished, ids.uid, ids.gid)
  const initdb = startLeashed({
    program: join(programs, 'bin', 'initdb'),
    // Locale C is on every machine and sorts the same on each.
    args: [
      '-D',
      unfinished,
      '-U',
      postgresRole,
      '-A',
      'peer',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-instructions',
      ...(isDurable ? [] : ['--no-sync']),
    ],
    folder: unfinished,
    ids,
    onLine: () => {},
  })
  const code = await initdb.exited
  if (code !== 0) {
    throw new AppError('home.unusable', `initdb could not make ${dataFolder} (exit code ${code}).`, {
      cause: new Error(initdb.lastLines().join('\n')),
      hint: `Its last words: ${initdb.lastLines().at(-1) ?? 'none'}`,
    })
  }
  await rm(dataFolder, { recursive: true, force: true })
  await rename(unfinished, dataFolder)
}

/** What starts that were killed left, waiting for their initdb to notice. */
async function removeUnfinished(dataFolder: string): Promise<void> {
  const home = dirname(dataFolder)
  const names = await readdir(home)
  for (const name of names.filter((name) => name.startsWith(`${basename(dataFolder)}.new-`))) {
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

async function writeOwned(path: string, text: string, ids: Ids | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
  if (ids) await chown(path, ids.uid, ids.gid)
}

function accountName(): string {
  try {
    return userInfo().username
  } catch (cause) {
    throw new AppError('home.unusable', `The user id ${process.getuid?.()} has no account on this machine.`, {
      cause,
      hint: 'Run Sluice as a user of /etc/passwd, or set DATABASE_URL.',
    })
  }
}
