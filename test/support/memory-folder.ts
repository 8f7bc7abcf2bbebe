import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const inMemory = '/dev/shm'
/** Containers often have a few megabytes there. */
const roomMin = 4 * 2 ** 30
const prefix = 'sluice-test-'

/**
 * A new folder for what may be lost with the machine: in memory where there is room, as on a busy disk making the files of
 * a database takes ten times as long. Whoever makes it removes it; what killed runs left there goes with the next one.
 */
export async function memoryFolder(): Promise<string> {
  if (!(await hasRoom())) return await mkdtemp(join(tmpdir(), prefix))
  for (const name of await readdir(inMemory)) {
    const [, pid] = /^sluice-test-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(join(inMemory, name), { recursive: true, force: true })
    }
  }
  return await mkdtemp(join(inMemory, `${prefix}${process.pid}-`))
}

async function hasRoom(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(inMemory)
    return bavail * bsize >= roomMin
  } catch {
    return false // Not Linux.
  }
}
