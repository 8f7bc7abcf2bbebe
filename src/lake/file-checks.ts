import { AppError } from '#base/errors.ts'
import type { CachedObject, FileLease } from '#objects/file-cache.ts'
import type { LakeFiles } from './lake-files.ts'

/** Looking at files is waiting for a disk or a store: some at a time. */
const checksAtOnce = 64

interface Options {
  readonly signal: AbortSignal
}

/** A lease of tables' files. @throws AppError 'lake.corrupt' when one is missing or has another size, 'store.…' */
export async function leaseFiles(
  lake: LakeFiles,
  files: readonly CachedObject[],
  options: Options,
): Promise<FileLease> {
  try {
    return await lake.lease(files, options)
  } catch (error) {
    // Damage on the way may pass; a file that is not what was written will not.
    const mayBeWrong =
      error instanceof AppError && (error.code === 'object.missing' || error.code === 'store.corrupt')
    if (mayBeWrong) await checkFiles(lake, files, options)
    throw error
  }
}

/** Looks at the sizes alone. @throws AppError 'lake.corrupt' for the first file that is not right, 'store.…' */
export async function checkFiles(
  lake: LakeFiles,
  files: readonly CachedObject[],
  { signal }: Options,
): Promise<void> {
  const checkFile = async ({ name, bytes }: CachedObject): Promise<void> => {
    const size = await lake.sizeOf(name, { signal })
    const nameInTable = name.slice(name.indexOf('/') + 1)
    if (size === undefined) throw corrupt(nameInTable, 'is missing')
    if (size !== bytes) throw corrupt(nameInTable, `has ${size} bytes where ${bytes} were written`)
  }
  for (let start = 0; start < files.length; start += checksAtOnce) {
    signal.throwIfAborted()
    await Promise.all(files.slice(start, start + checksAtOnce).map(checkFile))
  }
}

export function corrupt(name: string, what: string, cause?: unknown): AppError {
  return new AppError('lake.corrupt', `The table's file ${name} ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Restore it from a backup of the lake; no rows are returned without it.',
    detail: { file: name },
  })
}
