import type { Asking } from '../remote/ask.ts'
import { createOnce as createOnceAt } from '../remote/create-once.ts'
import type { Connection } from './connection.ts'
import { isRefusedCondition, isUploadGone, NameTaken } from './failure.ts'
import { headObject } from './head-object.ts'

/** Object metadata that says which writing made the object. */
export const writeMark = 'sluice-write'
/** Object metadata: SHA-256 of the bytes, where they were known before. */
export const hashMark = 'sluice-sha256'

/** Carries out a write that creates the object only where there is none; whose it is, its mark tells. */
export async function createOnce(
  connection: Connection,
  asking: Asking & { readonly key: string; readonly mark: string },
  write: (signal: AbortSignal) => Promise<unknown>,
): Promise<'created' | 'exists'> {
  return await createOnceAt(connection, asking, {
    write: async (signal) => {
      if (!connection.isConditional && (await headObject(connection, asking, asking.key)))
        throw new NameTaken()
      await write(signal)
    },
    look: async () => {
      const found = await headObject(connection, asking, asking.key)
      if (!found) return 'absent'
      return found.marks[writeMark] === asking.mark ? 'created' : 'exists'
    },
    isTaken: isRefusedCondition,
    isGone: isUploadGone,
  })
}
