import { createHash } from 'node:crypto'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Staged } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import { inParts, PartBuffers } from '../remote/parts.ts'
import { writeMsMax } from '../remote/policy.ts'
import { type Part, sendParts } from '../remote/send-parts.ts'
import type { Connection } from './connection.ts'
import { commitOnce, type Creation, putOnce } from './create-once.ts'

/** Azure's limit. */
const blocksMax = 50_000

/** Counts what passes. */
class Tally {
  readonly #sha256 = createHash('sha256')
  readonly #md5 = createHash('md5')
  #bytes = 0

  add(bytes: Uint8Array): void {
    this.#sha256.update(bytes)
    this.#md5.update(bytes)
    this.#bytes += bytes.length
  }

  result(): Staged & { readonly md5: Uint8Array } {
    return {
      bytes: this.#bytes,
      sha256: this.#sha256.copy().digest('hex'),
      md5: this.#md5.copy().digest(),
    }
  }
}

/**
 * Creates a blob from a stream, only where there is none: in one piece when it is small, else in blocks, of which a few
 * are under way at a time. Blocks that no list names are nowhere to be seen, and the store drops them after a week.
 */
export async function upload(
  connection: Connection,
  creation: Creation,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly staged: Staged; readonly outcome: 'created' | 'exists' }> {
  const inTime = AbortSignal.timeout(writeMsMax)
  const signal = AbortSignal.any([creation.signal, inTime])
  try {
    return await uploadAll(connection, { ...creation, signal }, bytes)
  } catch (error) {
    if (!inTime.aborted || creation.signal.aborted) throw error
    throw new AppError(
      'store.unreachable',
      `${JSON.stringify(creation.name)} could not be written in time.`,
      {
        hint: `Writing one object may take ${writeMsMax / 3_600_000} hours.`,
        cause: error,
      },
    )
  }
}

async function uploadAll(connection: Connection, creation: Creation, bytes: AsyncIterable<Uint8Array>) {
  const { policy } = connection
  const tally = new Tally()
  const buffers = new PartBuffers()
  const parts = inParts(bytes, { sizes: policy, buffers, tally, signal: creation.signal })
  try {
    const first = await parts.next()
    const second = await parts.next()
    if (second.done) {
      const whole = first.done ? new Uint8Array() : first.value
      const outcome = await putOnce(connection, creation, whole)
      const { bytes: count, sha256 } = tally.result()
      return { outcome, staged: { bytes: count, sha256 } }
    }
    const rest = async function* () {
      yield must(first.value, 'a stream with a second part has a first')
      yield second.value
      yield* parts
    }
    const blockIds = await sendParts(rest(), { ...policy, buffers }, (part) =>
      stageBlock(connection, creation, part),
    )
    const { md5, ...staged } = tally.result()
    return {
      outcome: await commitOnce(connection, creation, { blockIds, md5, sha256: staged.sha256 }),
      staged,
    }
  } finally {
    await parts.return(undefined)
  }
}

/** All block ids of one blob have one length. */
export function blockId(mark: string, number: number): string {
  return Buffer.from(`${mark}-${String(number).padStart(5, '0')}`).toString('base64')
}

export async function stageBlock(
  connection: Connection,
  { key, name, mark, signal }: Creation,
  { number, bytes }: Part,
): Promise<string> {
  if (number > blocksMax) {
    throw new AppError('request.too_large', `${JSON.stringify(name)} is too large for one blob.`, {
      hint: `A blob has at most ${blocksMax} blocks: write several files.`,
    })
  }
  const id = blockId(mark, number)
  const blob = connection.container.getBlockBlobClient(key)
  const md5 = createHash('md5').update(bytes).digest()
  await ask(connection, { name, signal, bodyBytes: bytes.length }, (abortSignal) =>
    blob.stageBlock(id, bytes, bytes.length, { abortSignal, transactionalContentMD5: md5 }),
  )
  return id
}
