import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { landingFolder } from './landing-target.ts'

export const landingKeptMs = 7 * 86_400_000

/** What a look at landing zones came to; what was left is tried again the next time. */
export interface Swept {
  readonly filesRemoved: number
  readonly filesLeft: number
  /** Why the first of them was. */
  readonly error?: unknown
}

/**
 * Removes what has lain in the landing zones of a home for seven days, and the folders that are empty by it. What
 * another sweep has taken meanwhile is gone, as it was to be; what cannot be removed keeps nothing else.
 */
export async function sweepLanding(home: string, now: Date): Promise<Swept> {
  return await sweepFolder(landingFolder(home), now.getTime() - landingKeptMs)
}

async function sweepFolder(folder: string, beforeMs: number): Promise<Swept> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  let swept: Swept = { filesRemoved: 0, filesLeft: 0 }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      swept = sum(swept, await sweepFolder(path, beforeMs))
      // A folder that a delivery is being made in is not empty, or made again by it.
      const made = await stat(path).catch(() => undefined)
      if (made && made.mtimeMs < beforeMs) await rmdir(path).catch(() => {})
      continue
    }
    const found = await stat(path).catch(() => undefined)
    if (!found || found.mtimeMs >= beforeMs) continue
    swept = sum(swept, await removed(path))
  }
  return swept
}

async function removed(path: string): Promise<Swept> {
  try {
    await rm(path, { force: true })
    return { filesRemoved: 1, filesLeft: 0 }
  } catch (error) {
    return { filesRemoved: 0, filesLeft: 1, error }
  }
}

function sum(one: Swept, other: Swept): Swept {
  return {
    filesRemoved: one.filesRemoved + other.filesRemoved,
    filesLeft: one.filesLeft + other.filesLeft,
    error: one.error ?? other.error,
  }
}
