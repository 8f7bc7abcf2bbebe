import { randomUUID } from 'node:crypto'
import { chown, mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { firstUnreachableFolder, type Ids } from '#base/run-as.ts'

const prefix = 'engine-'

/** Makes the folder of all children's scratch, free of what children of an earlier life left. */
export async function openScratch(folder: string, ids: Ids | undefined): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined && ids) await chown(folder, ids.uid, ids.gid)
  const unreachable = ids && firstUnreachableFolder(join(folder, prefix), ids)
  if (unreachable !== undefined) {
    throw new AppError('home.unusable', `Engine processes may not pass through the folder ${unreachable}.`, {
      hint: `Run: chmod o+x ${unreachable}`,
    })
  }
  await clearScratch(folder)
}

export async function clearScratch(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true })
}

/** A folder for one child, which nobody else can look into. */
export async function childScratch(folder: string, ids: Ids | undefined): Promise<string> {
  const path = join(folder, `${prefix}${randomUUID()}`)
  await mkdir(path, { mode: 0o700 })
  if (ids) await chown(path, ids.uid, ids.gid)
  return path
}

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
