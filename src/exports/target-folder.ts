import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, normalize, relative, resolve, sep } from 'node:path'
import { AppError } from '#base/errors.ts'
import { codeOf } from '#base/system-error.ts'

/**
 * The folder as it is written to: absolute, without `.` or `..`, and, links followed, neither inside our home nor
 * around it.
 * @throws AppError 'flow.invalid'
 */
export async function checkTargetFolder(path: string, home: string): Promise<string> {
  if (!isAbsolute(path)) throw invalid(`is an absolute path, not ${JSON.stringify(path.slice(0, 200))}`)
  // oxlint-disable-next-line no-control-regex -- They are what is refused.
  if (/[\u0000-\u001F\u007F]/.test(path)) throw invalid('has no control characters')
  const folder = normalize(path).replace(/\/+$/, '')
  if (folder === '' || path.split('/').includes('..')) throw invalid("is no root folder and has no '..'")
  const real = await realPathOf(folder)
  const realHome = await realPathOf(home)
  if (contains(realHome, real))
    throw invalid(`lies in Sluice's own home ${home}; choose a folder outside of it`)
  if (contains(real, realHome))
    throw invalid(`holds Sluice's own home ${home}; choose a folder that does not contain it`)
  return folder
}

/** With links followed as far as the path exists. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const parent = dirname(path)
    const code = codeOf(error)
    if (code === 'ENOTDIR') throw invalid('leads through no file')
    if (code !== 'ENOENT' || parent === path) throw error
    return resolve(await realPathOf(parent), relative(parent, path))
  }
}

function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}

function invalid(what: string): AppError {
  return new AppError('flow.invalid', `/params/path of a local folder ${what}.`, {
    detail: { field: '/params/path' },
  })
}
