import type { ObjectSummary } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import type { Keys } from '../remote/keys.ts'
import type { Connection } from './connection.ts'
import { folderMark } from './head-blob.ts'

/** In the store's order of names: one page at a time. Folders of Data Lake Storage are no objects. */
export async function* listBlobs(
  connection: Connection,
  keys: Keys,
  { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
): AsyncGenerator<ObjectSummary> {
  const { container, policy } = connection
  const keyPrefix = keys.prefix(prefix)
  if (keyPrefix === undefined) return
  let continuationToken: string | undefined
  do {
    const page = await ask(connection, { name: prefix, signal }, async (abortSignal) => {
      const pages = container
        .listBlobsFlat({
          abortSignal,
          includeMetadata: true,
          ...(keyPrefix === '' ? {} : { prefix: keyPrefix }),
        })
        .byPage({
          maxPageSize: policy.listedAtOnce,
          ...(continuationToken === undefined ? {} : { continuationToken }),
        })
      return (await pages.next()).value
    })
    for (const { name: key, properties, metadata } of page?.segment.blobItems ?? []) {
      if (metadata?.[folderMark] === 'true') continue
      const name = keys.name(key)
      if (name === undefined || !name.startsWith(prefix)) continue
      yield { name, bytes: properties.contentLength ?? 0, modifiedAt: properties.lastModified }
    }
    continuationToken = page?.continuationToken === '' ? undefined : page?.continuationToken
  } while (continuationToken !== undefined)
}
