import { giveBack } from '#base/give-back.ts'
import { failureOf } from './failure.ts'
import { chunkFrame, type Frame, frameKinds, jsonFrame } from './frames.ts'
import type { Instances } from './instances.ts'
import type { KeptTables } from './kept-tables.ts'
import type { Request, WireFailure } from './protocol.ts'
import { ServedStatement } from './served-statement.ts'
import type { TextThread } from './text-thread.ts'

const progressEveryMs = 1000

/** Answers the server's requests, those of one statement in their order. */
export function frameServer(
  means: { readonly instances: Instances; readonly kept: KeptTables; readonly texts: TextThread },
  send: (parts: readonly Uint8Array[], onSent?: () => void) => void,
): (frame: Frame) => void {
  const running = new Map<number, { readonly served: ServedStatement; done: Promise<void> }>()

  const forget = (number: number): void => {
    running.get(number)?.served.close()
    running.delete(number)
  }

  const answer = async (number: number, served: ServedStatement, request: Request): Promise<void> => {
    try {
      switch (request.op) {
        case 'interrupt':
          return
        case 'close':
          forget(number)
          return send(jsonFrame(number, frameKinds.answer, null))
        case 'pull': {
          const { rowCount, isLast, bytes } = await served.pull(request)
          send(chunkFrame(number, rowCount, isLast, bytes), () => giveBack(bytes))
          if (isLast) forget(number) // Which takes some milliseconds: nobody waits for them.
          else if (request.goesOn) await served.goOn(request)
          return
        }
        case 'open':
          await served.start(request)
          return send(jsonFrame(number, frameKinds.answer, null))
        default: {
          const result = await withProgress(served, number, () => served.start(request))
          send(jsonFrame(number, frameKinds.answer, result))
          forget(number) // Giving back the memory of a large copy takes a while: who asked goes on meanwhile.
          return
        }
      }
    } catch (error) {
      forget(number)
      const failure: WireFailure = failureOf(error, served.isInterrupted)
      send(jsonFrame(number, frameKinds.failure, failure))
    }
  }

  const withProgress = async <T>(
    served: ServedStatement,
    number: number,
    work: () => Promise<T>,
  ): Promise<T> => {
    const timer = setInterval(
      () => send(jsonFrame(number, frameKinds.progress, { rowCount: served.rowCount })),
      progressEveryMs,
    )
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }

  return ({ statement: number, body }) => {
    const request = JSON.parse(body.toString()) as Request
    const entry = running.get(number) ?? {
      served: new ServedStatement(means),
      done: Promise.resolve(),
    }
    if (request.op === 'interrupt' || request.op === 'close') entry.served.interrupt()
    if (request.op === 'interrupt') return
    running.set(number, entry)
    entry.done = entry.done.then(() => answer(number, entry.served, request))
  }
}
