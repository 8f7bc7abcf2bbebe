import { Script } from 'node:vm'
import { watchedMsMax } from './protocol.ts'

/** How an error of the engine begins that is a `watched` that took too long. */
export const tookTooLong = 'A function that runs in JavaScript took more than '

let current: () => void = () => {}
const name = Symbol.for('sluice.watched')
Object.defineProperty(globalThis, name, { value: () => current() })
const script = new Script(`globalThis[Symbol.for('${name.description}')]()`)

/**
 * Runs the work under V8's watchdog, which also stops a regular expression in the midst of its search. Costs the start of
 * a thread: a tenth of a millisecond, several times that on a busy machine.
 * @throws Error that begins with `tookTooLong`; whatever the work throws
 */
export function watched(work: () => void): void {
  current = work
  try {
    script.runInThisContext({ timeout: watchedMsMax })
  } catch (error) {
    if (!isTimeout(error)) throw error
    throw new Error(`${tookTooLong}${watchedMsMax / 1_000} seconds for some rows.`, { cause: error })
  } finally {
    current = () => {}
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
