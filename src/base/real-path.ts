import { realpath } from 'node:fs/promises'
import { dirname, relative, resolve, sep } from 'node:path'
import { codeOf } from './system-error.ts'

/** The path with links followed as far as it exists. @throws the system's error: ENOTDIR when it leads through a file */
export async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const parent = dirname(path)
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error
    return resolve(await realPathOf(parent), relative(parent, path))
  }
}

/** Whether two real paths are the same, or one lies in the other. */
export function liesIn(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}
