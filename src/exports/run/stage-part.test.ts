import { createHash, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { ObjectStore } from '#objects/object-store.ts'
import type { RunScope } from './run-scope.ts'
import { countPart } from './stage-part.ts'

test('a part that lies at its store with a byte changed is not taken, though it has as many rows', async () => {
  const sent = Buffer.from('{"id":1}\n{"id":2}\n')
  const store: Partial<ObjectStore> = {
    readStaged: async function* () {
      yield Buffer.from(sent.toString().replace('2', '3'))
    },
  }
  const { signal } = new AbortController()
  const scope = { store, context: { signal }, plan: { format: { kind: 'json', compression: 'none' } } }
  const spoolFile = { path: '', folder: '', number: 0, rowCount: 2, statistics: {} }
  const counting = countPart(scope as unknown as RunScope, spoolFile, {
    id: randomUUID(),
    token: { name: 'part', owner: 'a-run', id: randomUUID() },
    staged: { bytes: sent.length, sha256: createHash('sha256').update(sent).digest('hex') },
  })
  // What a store's own checksum would have told, too: the next attempt may fare better.
  await expect(counting).rejects.toMatchObject({ code: 'export.counts', meaning: { retry: true } })
})
