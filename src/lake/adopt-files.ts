import { constants } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '#base/assert.ts'
import { someAtOnce } from '#base/some-at-once.ts'

/** Each is a handful of calls that Node's threads for files answer at once. */
const filesAtOnce = 4

/**
 * Takes over what an engine child wrote: afterwards the files are ours, nobody else can write them, everybody can read
 * them. What is not among `expected` (path → bytes) is removed.
 */
export async function adoptFiles(folder: string, expected: ReadonlyMap<string, number>): Promise<void> {
  const adopted = await adoptFolder(folder, expected)
  assert(adopted === expected.size, 'every file the engine tells of is there')
}

async function adoptFolder(folder: string, expected: ReadonlyMap<string, number>): Promise<number> {
  let adopted = 0
  await takeOver(folder, 0o755, constants.O_DIRECTORY)
  await someAtOnce(await readdir(folder, { withFileTypes: true }), filesAtOnce, async (entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const below = await adoptFolder(path, expected) // Before the sum is read: others add to it meanwhile.
      adopted += below
    } else if (expected.has(path)) {
      const bytes = await takeOver(path, 0o644, 0)
      assert(bytes === expected.get(path), `a file has the ${expected.get(path)} bytes the engine tells of`)
      adopted += 1
    } else await rm(path)
  })
  return adopted
}

/** By descriptor, so that nobody can put a link in its place meanwhile. */
async function takeOver(path: string, mode: number, flags: number): Promise<number> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | flags)
  try {
    const stats = await handle.stat()
    assert(stats.isDirectory() || (stats.isFile() && stats.nlink === 1), 'the engine wrote plain files')
    if (process.getuid?.() === 0) await handle.chown(0, 0)
    await handle.chmod(mode)
    return stats.size
  } finally {
    await handle.close()
  }
}
