import { totalmem } from 'node:os'

/** The machine's memory, or what a container may use of it, where that is set. */
export function machineBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
