import { stagingFolder } from '../remote/keys.ts'
import type { Connection } from './connection.ts'

const dayMs = 86_400_000

/** What has the store lock an object as it is written; what is only staged is to go. */
export function lockFields(
  { objectLock, clock }: Pick<Connection, 'objectLock' | 'clock'>,
  key: string,
): { ObjectLockMode?: 'GOVERNANCE' | 'COMPLIANCE'; ObjectLockRetainUntilDate?: Date } {
  if (!objectLock || key.split('/').includes(stagingFolder)) return {}
  const { mode, days } = objectLock
  return {
    ObjectLockMode: mode,
    ObjectLockRetainUntilDate: new Date(clock.now().getTime() + days * dayMs),
  }
}
