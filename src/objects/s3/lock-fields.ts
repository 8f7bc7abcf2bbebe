import { lockedUntil } from '../remote/object-lock.ts'
import type { Connection } from './connection.ts'

/** What has the store lock an object as it is written. */
export function lockFields(
  { objectLock, clock }: Pick<Connection, 'objectLock' | 'clock'>,
  key: string,
): { ObjectLockMode?: 'GOVERNANCE' | 'COMPLIANCE'; ObjectLockRetainUntilDate?: Date } {
  const until = objectLock && lockedUntil(objectLock, key, clock.now())
  return until ? { ObjectLockMode: objectLock.mode, ObjectLockRetainUntilDate: until } : {}
}
