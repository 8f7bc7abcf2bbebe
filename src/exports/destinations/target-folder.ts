import { isAbsolute, normalize } from 'node:path'
import { AppError } from '#base/errors.ts'
import { liesIn, realPathOf } from '#base/real-path.ts'
import { codeOf } from '#base/system-error.ts'

/**
 * The folder as it is written to: absolute, without `.` or `..`; and where its links lead, which is neither inside our
 * home nor around it.
 * @throws AppError 'flow.invalid'
 */
export async function checkTargetFolder(
  path: string,
  home: string,
): Promise<{ readonly folder: string; readonly realFolder: string }> {
  if (!isAbsolute(path)) throw invalid(`is an absolute path, not ${JSON.stringify(path.slice(0, 200))}`)
  // oxlint-disable-next-line no-control-regex -- They are what is refused.
  if (/[\u0000-\u001F\u007F]/.test(path)) throw invalid('has no control characters')
  const folder = normalize(path).replace(/\/+$/, '')
  if (folder === '' || path.split('/').includes('..')) throw invalid("is no root folder and has no '..'")
  const realFolder = await realPathOf(folder).catch((error: unknown) => {
    throw codeOf(error) === 'ENOTDIR' ? invalid('leads through no file') : error
  })
  const realHome = await realPathOf(home)
  if (liesIn(realFolder, realHome))
    throw invalid(`lies in Sluice's own home ${home}; choose a folder outside of it`)
  if (liesIn(realHome, realFolder))
    throw invalid(`holds Sluice's own home ${home}; choose a folder that does not contain it`)
  return { folder, realFolder }
}

function invalid(what: string): AppError {
  return new AppError('flow.invalid', `/params/path of a local folder ${what}.`, {
    detail: { field: '/params/path' },
  })
}
