import { z } from 'zod'
import { stagingFolder } from './keys.ts'

const dayMs = 86_400_000

/** Every object is kept from being changed or deleted for so long from its writing on, by the store itself. */
export const objectLock = z.strictObject({
  mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
  days: z.int().min(1).max(36_500),
})

export type ObjectLock = z.infer<typeof objectLock>

/** Until when what is written now stays. What is only staged is to go: undefined. */
export function lockedUntil(lock: ObjectLock, key: string, now: Date): Date | undefined {
  return key.split('/').includes(stagingFolder) ? undefined : new Date(now.getTime() + lock.days * dayMs)
}
