import { createHash } from 'node:crypto'
import { must } from '#base/assert.ts'
import type { Staged } from '../object-store.ts'
import { inParts, PartBuffers } from '../remote/parts.ts'
import { sendParts } from '../remote/send-parts.ts'
import type { Connection } from './connection.ts'
import { createdBy, type Creation, hashMark, putOnce, removeObject, writeMark } from './objects.ts'

/** Google's limit. */
const composedAtOnce = 32

/**
 * Creates an object from a stream, only where there is none. A large one is made of parts, each an object for itself that
 * may be sent again, which the store puts together; `partKey` says what they are called until then.
 */
export async function upload(
  connection: Connection,
  creation: Creation,
  {
    bytes,
    partKey,
  }: { readonly bytes: AsyncIterable<Uint8Array>; readonly partKey: (number: number) => string },
): Promise<{ readonly staged: Staged; readonly outcome: 'created' | 'exists' }> {
  const { policy } = connection
  const { signal } = creation
  const hash = createHash('sha256')
  let count = 0
  const tally = {
    add: (piece: Uint8Array) => {
      hash.update(piece)
      count += piece.length
    },
  }
  const buffers = new PartBuffers()
  const parts = inParts(bytes, { sizes: policy, buffers, tally, signal })
  try {
    const first = await parts.next()
    const second = await parts.next()
    if (second.done) {
      const whole = first.done ? new Uint8Array() : first.value
      const sha256 = hash.digest('hex')
      const outcome = await putOnce(connection, creation, { bytes: whole, sha256 })
      return { outcome, staged: { bytes: count, sha256 } }
    }
    const rest = async function* () {
      yield must(first.value, 'a stream with a second part has a first')
      yield second.value
      yield* parts
    }
    const keys = await sendParts(rest(), { ...policy, buffers }, async (part) => {
      const key = partKey(part.number)
      await putOnce(connection, { ...creation, key }, part)
      return key
    })
    const sha256 = hash.digest('hex')
    const outcome = await compose(connection, creation, { keys, sha256, partKey })
    return { outcome, staged: { bytes: count, sha256 } }
  } finally {
    await parts.return(undefined)
  }
}

/** In rounds of what the store takes at once; only the last one makes the object itself. */
async function compose(
  connection: Connection,
  creation: Creation,
  parts: {
    readonly keys: readonly string[]
    readonly sha256: string
    readonly partKey: (number: number) => string
  },
): Promise<'created' | 'exists'> {
  let { keys } = parts
  const made = [...keys]
  while (keys.length > composedAtOnce) {
    const next: string[] = []
    for (let index = 0; index < keys.length; index += composedAtOnce) {
      const key = parts.partKey(made.length + 1)
      made.push(key)
      await composeOne(connection, { ...creation, key }, keys.slice(index, index + composedAtOnce), {})
      next.push(key)
    }
    keys = next
  }
  const outcome = await composeOne(connection, creation, keys, { [hashMark]: parts.sha256 })
  for (const key of made) await removeObject(connection, creation, key)
  return outcome
}

async function composeOne(
  connection: Connection,
  creation: Creation,
  keys: readonly string[],
  marks: Readonly<Record<string, string>>,
): Promise<'created' | 'exists'> {
  const answerMsMax = connection.policy.completeMsMax
  return await createdBy(
    connection,
    { ...creation, answerMsMax },
    {
      method: 'POST',
      path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o/${encodeURIComponent(creation.key)}/compose`,
      headers: { 'content-type': 'application/json' },
      body: [
        JSON.stringify({
          sourceObjects: keys.map((name) => ({ name })),
          destination: {
            contentType: 'application/octet-stream',
            metadata: { [writeMark]: creation.mark, ...marks },
          },
        }),
      ],
    },
  )
}
