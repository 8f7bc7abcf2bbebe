import type { ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob'
import type { ObjectSummary } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import { LostAnswer } from '../remote/failure.ts'
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
    const page = await ask(connection, { name: prefix, signal }, (abortSignal) =>
      listPage(container, {
        abortSignal,
        prefix: keyPrefix,
        size: policy.listedAtOnce,
        token: continuationToken,
      }),
    )
    for (const { name: key, properties, metadata } of page.segment.blobItems) {
      if (metadata?.[folderMark] === 'true') continue
      const name = keys.name(key)
      if (name === undefined || !name.startsWith(prefix)) continue
      yield { name, bytes: properties.contentLength ?? 0, modifiedAt: properties.lastModified }
    }
    continuationToken = page.continuationToken === '' ? undefined : page.continuationToken
  } while (continuationToken !== undefined)
}

/**
 * A page of the blobs of a container; the first, or that of a token.
 * @throws LostAnswer when the answer is none, as the page of a proxy that stands in between
 */
export async function listPage(
  container: Connection['container'],
  page: {
    readonly abortSignal: AbortSignal
    readonly prefix?: string
    readonly size: number
    readonly token?: string | undefined
  },
): Promise<ContainerListBlobFlatSegmentResponse> {
  const { abortSignal, prefix = '', size: maxPageSize, token: continuationToken } = page
  const pages = container
    .listBlobsFlat({ abortSignal, includeMetadata: true, ...(prefix === '' ? {} : { prefix }) })
    .byPage({ maxPageSize, ...(continuationToken === undefined ? {} : { continuationToken }) })
  try {
    const { value } = await pages.next()
    return value
  } catch (error) {
    // The SDK stumbles over what is not in it.
    if (error instanceof TypeError) throw new LostAnswer('The answer is no list.', { cause: error })
    throw error
  }
}
