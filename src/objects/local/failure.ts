import { AppError } from '#base/errors.ts'
import { codeOf } from '#base/system-error.ts'

/** What the file system's refusal means for who uses the store; anything that is none stays as it is. */
export function storeFailure(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !('syscall' in error)) return error
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('store.full', 'The disk of the location is full.', {
        cause: error,
        hint: 'Free some space there; the next try goes on. Nothing half-written is visible.',
      })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AppError('store.unreachable', 'The folder of the location refuses the server.', {
        cause: error,
        hint: 'Let the account that Sluice runs as read and write the folder.',
      })
    case 'ENAMETOOLONG':
      return new AppError('request.invalid', 'The file system of the location cannot hold so long a name.', {
        cause: error,
        hint: 'Shorten the folder template or the name.',
      })
    case 'ENOTDIR':
    case 'EEXIST': // Told of the last folder of a path, where one is to be made.
      return new AppError('store.unreachable', 'A file stands where the location needs a folder.', {
        cause: error,
        hint: 'Move the file away, or choose other folder names.',
      })
    default:
      return new AppError('store.unreachable', `The location failed: ${codeOf(error)}.`, {
        cause: error,
        hint: 'Look whether its disk or share is there and healthy.',
      })
  }
}

/** Runs the work and says its failures in the words of the store. */
export async function asStore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeFailure(error)
  }
}
