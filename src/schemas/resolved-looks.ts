import type { Caller } from '#access/access.ts'
import { createAnswerCache } from '#base/answer-cache.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectRevision } from '#metadata/revisions.ts'
import { lookAt } from './read.ts'
import type { Registry } from './registry.ts'
import type { ReadableKind } from './schemas.ts'
import type { View } from './view.ts'

/** The largest shipped schema takes 0.8 MB. */
const bytesMax = 64_000_000

/**
 * Look-ups as they are sent. What is resolved takes long to make, so it is kept while the registry of the sandbox (its
 * resources and descriptors) has the same revision, whoever changes it; that is read each time.
 */
export function createLooks(registry: Registry, db: Db) {
  const kept = createAnswerCache<Buffer>({ weightMax: bytesMax, weightOf: (bytes) => bytes.length })
  return async (
    caller: Caller,
    given: { readonly kind: ReadableKind; readonly id: string; readonly view: View },
  ): Promise<Buffer> => {
    const make = async () => Buffer.from(JSON.stringify(await lookAt(registry, db, caller, given)))
    if (given.view.form !== 'full') return await make()
    const { id: sandboxId } = caller.sandbox
    const key = JSON.stringify([sandboxId, given.kind, given.id, given.view])
    return await kept.get(key, await selectRevision(db, `registry ${sandboxId}`), make)
  }
}
