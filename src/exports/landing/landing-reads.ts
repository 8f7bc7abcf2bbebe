import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'

/** Of all readers of one landing zone at this node; a client that reads in parallel has ten by default. */
const readsMax = 32

/** Whoever reads slowly holds up nobody of another sandbox, nor lists of his own. */
export interface LandingReads {
  /** Held until it is disposed of. @throws AppError 'limit.exceeded' */
  begin(sandboxId: SandboxId): Disposable
}

export function createLandingReads(): LandingReads {
  const counts = new Map<SandboxId, number>()
  return {
    begin: (sandboxId) => {
      const count = counts.get(sandboxId) ?? 0
      if (count >= readsMax) {
        throw new AppError(
          'limit.exceeded',
          `${readsMax} files of this landing zone are being read already.`,
          {
            hint: 'Try again in some seconds, or read fewer of them at a time.',
          },
        )
      }
      counts.set(sandboxId, count + 1)
      let isHeld = true
      return {
        [Symbol.dispose]: () => {
          if (!isHeld) return
          isHeld = false
          const left = (counts.get(sandboxId) ?? 1) - 1
          if (left === 0) counts.delete(sandboxId)
          else counts.set(sandboxId, left)
        },
      }
    },
  }
}
