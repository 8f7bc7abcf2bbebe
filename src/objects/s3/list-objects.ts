import type { ObjectSummary } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import type { Keys } from '../remote/keys.ts'
import type { Connection } from './connection.ts'

/** In the order of keys, which is that of names: one page at a time. */
export async function* listObjects(
  connection: Connection,
  keys: Keys,
  { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
): AsyncGenerator<ObjectSummary> {
  const { sdk, client, bucket } = connection
  const keyPrefix = keys.prefix(prefix)
  if (keyPrefix === undefined) return
  let token: string | undefined
  do {
    const command = new sdk.ListObjectsV2Command({
      Bucket: bucket,
      Prefix: keyPrefix,
      EncodingType: 'url',
      MaxKeys: connection.policy.listedAtOnce,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    })
    const page = await ask(connection, { name: prefix, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
    const isEncoded = page.EncodingType === 'url'
    for (const { Key: key = '', Size: bytes = 0, LastModified: modifiedAt = new Date(0) } of page.Contents ??
      []) {
      const name = keys.name(isEncoded ? decodeKey(key) : key)
      if (name !== undefined && name.startsWith(prefix)) yield { name, bytes, modifiedAt }
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', '%20'))
}
