import type { Chunk, PullLimit } from '#engine/engine.ts'
import type { ResultRows } from '../results.ts'

/** Rows whose failure is kept for somebody else than who pulls them. */
export interface HeldRows {
  readonly rows: ResultRows
  failure(): Error | undefined
}

const none: Chunk = { bytes: new Uint8Array(), rowCount: 0, state: 'done' }

/**
 * The first row is pulled at once, so that what fails there has given nothing; who pulls what fails later gets the end of
 * the rows.
 * @param holds whether a failure is to be kept; others go to who pulls
 */
export async function holdRows(rows: ResultRows, holds: (error: unknown) => boolean): Promise<HeldRows> {
  let first: Chunk | undefined = await rows.pull({ rowCountMax: 1, bytesMax: 1 })
  let failure: Error | undefined

  const next = async (limit: PullLimit): Promise<Chunk> => {
    if (failure) return none
    try {
      return await rows.pull(limit)
    } catch (error) {
      if (!(error instanceof Error) || !holds(error)) throw error
      failure = error
      return none
    }
  }

  return {
    rows: {
      async pull(limit) {
        const given = first
        first = undefined
        if (!given) return await next(limit)
        if (given.state === 'done' || limit.rowCountMax <= given.rowCount) return given
        const { bytes, rowCount, state } = await next({
          ...limit,
          rowCountMax: limit.rowCountMax - given.rowCount,
        })
        return { bytes: Buffer.concat([given.bytes, bytes]), rowCount: given.rowCount + rowCount, state }
      },
      [Symbol.asyncDispose]: () => rows[Symbol.asyncDispose](),
    },
    failure: () => failure,
  }
}
