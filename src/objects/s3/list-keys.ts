import { ask } from '../remote/ask.ts'
import { LostAnswer } from '../remote/failure.ts'
import type { Connection } from './connection.ts'

export interface KeyPage {
  readonly objects: readonly {
    readonly key: string
    readonly bytes: number
    /** Undefined: the store does not tell. */
    readonly modifiedAt: Date | undefined
  }[]
  /** Of the next page; undefined: this is the last. */
  readonly token: string | undefined
}

/** A page of all keys that begin with the prefix, in the order of their bytes; the first, or that of a token. */
export async function listKeys(
  connection: Connection,
  request: {
    readonly prefix: string
    /** The first page begins behind it. */
    readonly after?: string | undefined
    readonly token?: string | undefined
    readonly signal: AbortSignal
  },
): Promise<KeyPage> {
  const { sdk, client, bucket } = connection
  const { prefix, after, token, signal } = request
  const command = new sdk.ListObjectsV2Command({
    Bucket: bucket,
    Prefix: prefix,
    EncodingType: 'url',
    MaxKeys: connection.policy.listedAtOnce,
    ...(after === undefined ? {} : { StartAfter: after }),
    ...(token === undefined ? {} : { ContinuationToken: token }),
  })
  const page = await ask(connection, { name: prefix, signal }, async (abortSignal) => {
    const answer = await client.send(command, { abortSignal })
    // What has none of a list, as the page of a proxy that stands in between, or says that more follows and not where,
    // must not be taken for all there is.
    const isList = answer.IsTruncated === false || Boolean(answer.NextContinuationToken)
    if (!isList) throw new LostAnswer('The answer is no whole list.')
    return answer
  })
  const isEncoded = page.EncodingType === 'url'
  return {
    objects: (page.Contents ?? []).map(({ Key: key = '', Size: bytes = 0, LastModified: modifiedAt }) => ({
      key: isEncoded ? decodeKey(key) : key,
      bytes,
      modifiedAt,
    })),
    token: page.IsTruncated === true ? page.NextContinuationToken : undefined,
  }
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', '%20'))
}
