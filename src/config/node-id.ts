import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { readTextIfThere } from '#base/system-error.ts'

/** The same for every life of a home, so that a restarted node takes back its own leases at once. */
export async function nodeIdOf(home: string): Promise<string> {
  const path = join(home, 'node-id')
  const kept = await readTextIfThere(path)
  if (kept !== undefined) return kept.trim()
  const made = `${hostname()}-${randomUUID()}`
  await writeFile(path, `${made}\n`, { flag: 'wx' })
  return made
}
