import { expect, test } from 'vitest'
import { systemClock } from '#base/clock.ts'
import type { FolderEntry } from '../folder-store.ts'
import { keysBelow } from '../remote/keys.ts'
import type { Connection } from './connection.ts'
import { s3Failures } from './failure.ts'
import { listBehind } from './list-behind.ts'
import { s3Policy } from './s3-config.ts'

test('times are those that a look at the object tells, also where a list tells more', async () => {
  const Contents = [{ Key: 'at/one', Size: 1, LastModified: new Date('2026-03-01T01:00:00.987Z') }]
  const connection = {
    sdk: { ListObjectsV2Command: Object },
    client: { send: async () => ({ Contents }) },
    bucket: 'bucket',
    isConditional: true,
    location: 's3://bucket',
    policy: s3Policy,
    clock: systemClock,
    failures: s3Failures,
  } as unknown as Connection
  const { signal } = new AbortController()
  const options = { prefix: '', after: '', isShallow: false, signal }
  const found: FolderEntry[] = []
  for await (const entry of listBehind(connection, keysBelow('at'), options)) found.push(entry)
  expect(found).toEqual([{ name: 'one', bytes: 1, modifiedAt: new Date('2026-03-01T01:00:00Z') }])
})
