import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const keptMs = 7 * 86_400_000

/**
 * Removes what has lain in the landing zones of a home for seven days, and the folders that are empty by it. What
 * another sweep has taken meanwhile is gone, as it was to be. Returns how many files it removed.
 */
export async function sweepLanding(home: string, now: Date): Promise<number> {
  return await sweepFolder(join(home, 'landing'), now.getTime() - keptMs)
}

async function sweepFolder(folder: string, beforeMs: number): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  let fileCount = 0
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      fileCount += await sweepFolder(path, beforeMs)
      // A folder that a delivery is being made in is not empty, or made again by it.
      const made = await stat(path).catch(() => undefined)
      if (made && made.mtimeMs < beforeMs) await rmdir(path).catch(() => {})
      continue
    }
    const found = await stat(path).catch(() => undefined)
    if (!found || found.mtimeMs >= beforeMs) continue
    await rm(path, { force: true })
    fileCount += 1
  }
  return fileCount
}
