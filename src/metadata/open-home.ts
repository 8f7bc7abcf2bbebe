import { chmod, chown, mkdir, open, readdir, rename, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { homePaths } from '#config/home.ts'
import { AppError } from '#base/errors.ts'
import { firstUnreachableFolder, type Ids, unprivilegedIds } from '#base/run-as.ts'
import { codeOf, readTextIfThere } from '#base/system-error.ts'
import { lockHome } from './home-lock.ts'

/** Raised when an older Sluice could not use what this one writes. */
export const layoutVersion = 1
const stampSchema = z.strictObject({ layout: z.number() })

/**
 * Makes the home when there is none and takes it for this process, until disposed.
 * @param options isRestoring: marks it as one that is not whole; only who restores it may use it until the mark is gone
 * @throws AppError 'home.in_use', 'home.unusable'
 */
export async function openHome(
  home: string,
  { isRestoring = false }: { readonly isRestoring?: boolean } = {},
): Promise<AsyncDisposable> {
  const ids = unprivilegedIds()
  const paths = homePaths(home)
  try {
    await makeFolder(home, ids)
    if (ids) refuseUnreachable(home, ids)
    if (isRestoring) await writeWhole(paths.restoring, 'A restore has not finished.\n')
    else if (existsSync(paths.restoring)) throw unfinished(home)
    await using taken = new AsyncDisposableStack()
    taken.use(await lockHome(paths.lock))
    await checkStamp(paths.stamp)
    const lent = [paths.lake, paths.spool, paths.staging, paths.scratch, paths.scratchSpace, paths.results]
    for (const folder of lent) await makePrivate(folder, ids)
    for (const folder of [paths.tls, paths.keys]) await makePrivate(folder, undefined)
    return taken.move()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw unusable(home, error)
  }
}

/**
 * A folder that we made, or that was given to us empty, lets others pass through when we are root, so that our
 * unprivileged children reach what is theirs; nobody else looks around in it.
 */
async function makeFolder(home: string, ids: Ids | undefined): Promise<void> {
  const made = await mkdir(home, { recursive: true, mode: 0o755 })
  const stats = await stat(home)
  if (!stats.isDirectory()) {
    throw new AppError('home.unusable', `The home ${home} is not a folder.`, {
      hint: 'Choose another one with --home.',
    })
  }
  const isFresh =
    made !== undefined || (stats.uid === process.getuid?.() && (await readdir(home)).length === 0)
  if (isFresh) await chmod(home, ids ? 0o711 : 0o700)
}

/** Customers' data: for us and, where given, for the children that read and write it. */
async function makePrivate(folder: string, ids: Ids | undefined): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined && ids) await chown(folder, ids.uid, ids.gid)
}

function refuseUnreachable(home: string, ids: Ids): void {
  const unreachable = firstUnreachableFolder(join(resolve(home), 'x'), ids)
  if (unreachable === undefined) return
  throw new AppError(
    'home.unusable',
    `Started as root, Sluice runs PostgreSQL and its engine as the unprivileged user ${ids.uid}, who may not pass through ${unreachable}.`,
    { hint: `Choose another home with --home, or run: chmod o+x ${unreachable}` },
  )
}

async function checkStamp(path: string): Promise<void> {
  const text = await readTextIfThere(path)
  if (text === undefined) {
    await writeWhole(path, `${JSON.stringify({ layout: layoutVersion })}\n`)
    return
  }
  const stamp = stampSchema.safeParse(parseJson(text))
  if (!stamp.success) {
    throw new AppError('home.unusable', `The version stamp ${path} cannot be read.`, {
      hint: `If the home is one of this Sluice, write {"layout":${layoutVersion}} into it.`,
    })
  }
  if (stamp.data.layout > layoutVersion) {
    throw new AppError(
      'home.unusable',
      `The home has layout ${stamp.data.layout} and this Sluice knows layouts up to ${layoutVersion}.`,
      { hint: 'Start the newer Sluice that made it.' },
    )
  }
}

function unfinished(home: string): AppError {
  return new AppError('home.unusable', `A restore into the home ${home} was begun and did not finish.`, {
    hint: 'Remove the folder and restore again: sluice restore --from BACKUP --home FOLDER',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The schema refuses it.
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  {
    await using file = await open(draft, 'w', 0o644)
    await file.writeFile(text)
    await file.sync()
  }
  await rename(draft, path)
}

function unusable(home: string, cause: unknown): AppError {
  const code = codeOf(cause)
  const reason =
    { EACCES: 'permission denied', EPERM: 'not permitted', ENOSPC: 'the disk is full', EROFS: 'read-only' }[
      code
    ] ?? (cause instanceof Error ? cause.message : 'unknown reason')
  return new AppError('home.unusable', `The home ${home} cannot be used: ${reason}.`, {
    cause,
    hint: 'Choose another folder with --home, or free it.',
  })
}
