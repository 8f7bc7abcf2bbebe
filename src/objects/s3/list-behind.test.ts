import type { ListObjectsV2CommandInput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { systemClock } from '#base/clock.ts'
import type { FolderEntry } from '../folder-store.ts'
import { keysBelow } from '../remote/keys.ts'
import type { Connection } from './connection.ts'
import { s3Failures } from './failure.ts'
import { listBehind } from './list-behind.ts'
import { s3Policy } from './s3-config.ts'

/** What a server may answer, and none that is here does. */
async function listed(
  answer: (asked: ListObjectsV2CommandInput) => Partial<ListObjectsV2CommandOutput>,
  { isShallow = false } = {},
): Promise<FolderEntry[]> {
  class ListObjectsV2Command {
    readonly input: ListObjectsV2CommandInput
    constructor(input: ListObjectsV2CommandInput) {
      this.input = input
    }
  }
  const connection = {
    sdk: { ListObjectsV2Command },
    client: { send: async ({ input }: ListObjectsV2Command) => ({ IsTruncated: false, ...answer(input) }) },
    bucket: 'bucket',
    isConditional: true,
    location: 's3://bucket',
    policy: s3Policy,
    clock: systemClock,
    failures: s3Failures,
  } as unknown as Connection
  const { signal } = new AbortController()
  const found: FolderEntry[] = []
  const options = { prefix: '', after: '', isShallow, signal }
  for await (const entry of listBehind(connection, keysBelow('at'), options)) found.push(entry)
  return found
}

const modifiedAt = new Date('2026-03-01T01:00:00Z')
const object = (Key: string) => ({ Key, Size: 1, LastModified: modifiedAt })

test('times are those that a look at the object tells, also where a list tells more', async () => {
  const LastModified = new Date('2026-03-01T01:00:00.987Z')
  const found = await listed(() => ({ Contents: [{ ...object('at/one'), LastModified }] }))
  expect(found).toEqual([{ name: 'one', bytes: 1, modifiedAt }])
})

test('a page in which nothing is left is followed by the next', async () => {
  const found = await listed(({ ContinuationToken }) => {
    if (ContinuationToken === undefined) return { IsTruncated: true, NextContinuationToken: 'on' }
    expect(ContinuationToken).toBe('on')
    return { Contents: [object('at/one')] }
  })
  expect(found.map(({ name }) => name)).toEqual(['one'])
})

test('a list is over also where names in a folder begin with the last character there is', async () => {
  const keys = ['at/a/1', ...[1, 2, 3, 4].map((digit) => `at/a/\u{10FFFF}${digit}`), 'at/b']
  let pages = 0
  const page = ({ StartAfter = '', ContinuationToken }: ListObjectsV2CommandInput) => {
    pages += 1
    expect(pages).toBeLessThan(6)
    const after = Buffer.from(ContinuationToken ?? StartAfter)
    const [first, second, third] = keys.filter((key) => Buffer.compare(Buffer.from(key), after) > 0)
    const Contents = [first, second].flatMap((key) => (key === undefined ? [] : [object(key)]))
    return { Contents, IsTruncated: third !== undefined, NextContinuationToken: second }
  }
  const found = await listed((asked) => page(asked), {
    isShallow: true,
  })
  expect(found.map(({ name }) => name)).toEqual(['a/', 'b'])
})
