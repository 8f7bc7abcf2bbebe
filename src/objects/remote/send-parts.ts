import type { PartBuffers } from './parts.ts'

export interface Part {
  /** From 1. */
  readonly number: number
  readonly bytes: Uint8Array
}

/**
 * Sends the parts, a few at a time; `send` holds the only ones in memory. Answers come in the parts' order. When one
 * fails the others are waited for: a part that arrives after its upload was given up would stay.
 * @param buffers given back what is sent. What is left of a request that was refused or given up before is taken by nobody, if
 *   its connection is open at all.
 */
export async function sendParts<T>(
  parts: AsyncIterable<Uint8Array>,
  { partsAtOnce, buffers }: { readonly partsAtOnce: number; readonly buffers?: PartBuffers },
  send: (part: Part) => Promise<T>,
): Promise<readonly T[]> {
  const sent: T[] = []
  const underWay = new Set<Promise<void>>()
  try {
    let number = 0
    for await (const bytes of parts) {
      number += 1
      const part = { number, bytes }
      const work = async (): Promise<void> => {
        sent[part.number - 1] = await send(part)
        buffers?.giveBack(bytes)
        underWay.delete(sending)
      }
      const sending = work()
      underWay.add(sending)
      sending.catch(() => {}) // One that fails while nobody waits stays among them, for the next wait to meet.
      if (underWay.size >= partsAtOnce) await Promise.race(underWay)
    }
    await Promise.all(underWay)
  } finally {
    await Promise.allSettled(underWay)
  }
  return sent
}
