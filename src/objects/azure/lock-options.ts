import type { BlobImmutabilityPolicy } from '@azure/storage-blob'
import { lockedUntil } from '../remote/object-lock.ts'
import type { Connection } from './connection.ts'

/** What has the store keep a blob from being changed or deleted as it is written: a policy of this version of it alone. */
export function lockOptions(
  { objectLock, clock }: Pick<Connection, 'objectLock' | 'clock'>,
  key: string,
): { readonly immutabilityPolicy?: BlobImmutabilityPolicy } {
  const expiriesOn = objectLock && lockedUntil(objectLock, key, clock.now())
  if (!expiriesOn) return {}
  // An unlocked policy can be taken away by who has the right to, as governance can.
  const policyMode = objectLock.mode === 'COMPLIANCE' ? 'Locked' : 'Unlocked'
  return { immutabilityPolicy: { expiriesOn, policyMode } }
}
