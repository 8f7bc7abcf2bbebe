import { readFileSync } from 'node:fs'

/** Between two looks. Meanwhile a process may take some hundred megabytes more. */
const lookEveryMs = 200

/**
 * Tells, once, that a process holds more memory than it may. The engine counts most of what it takes, but not the lists and
 * texts that functions make; and what the system could limit is what a process reserves, of which the engine touches little.
 * Nothing is told where the system does not say what a process holds.
 */
export function watchMemory(pid: number, bytesMax: number, onMore: (bytes: number) => void): Disposable {
  const timer = setInterval(() => {
    const bytes = heldBytes(pid)
    if (bytes <= bytesMax) return
    clearInterval(timer)
    onMore(bytes)
  }, lookEveryMs)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function heldBytes(pid: number): number {
  try {
    const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kibibytes) * 1024
  } catch {
    return 0 // Not Linux, or gone.
  }
}
