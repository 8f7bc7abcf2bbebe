import { z } from 'zod'
import type { ObjectStore } from '../object-store.ts'

export const localStoreConfig = z.strictObject({
  kind: z.literal('local'),
  /** Absolute path; made when missing. */
  folder: z.string().startsWith('/'),
})

export function openLocalStore(_config: z.infer<typeof localStoreConfig>): Promise<ObjectStore> {
  throw new Error('to be written')
}
