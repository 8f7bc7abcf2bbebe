import { readFileSync, readdirSync } from 'node:fs'

/** Seconds. What else the machine does makes the clock's longer, and the processor's hardly. */
export interface Times {
  readonly clock: number
  readonly processor: number
}

/** @param processor seconds used so far by who works */
export async function timesOf(processor: () => number, work: () => Promise<unknown>): Promise<Times> {
  const before = processor()
  const clock = await secondsOf(work)
  return { clock, processor: processor() - before }
}

/** The least of each. */
export function bestOf(one: Times, other: Times): Times {
  return { clock: Math.min(one.clock, other.clock), processor: Math.min(one.processor, other.processor) }
}

/** Cells of a table: both and their ratio, by the clock and by the processor. */
export function cellsOf(ours: Times, theirs: Times): string {
  return (['clock', 'processor'] as const)
    .flatMap((measure) => [
      `${ours[measure].toFixed(2)} s`,
      `${theirs[measure].toFixed(2)} s`,
      (theirs[measure] / ours[measure]).toFixed(2),
    ])
    .join(' | ')
}

/** Of this process. */
export function ownProcessorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Of all threads of this process but the one that asks, which looks at memory meanwhile: those of an engine in it. */
export function otherThreadsSeconds(): number {
  const { user, system } = process.threadCpuUsage()
  return ownProcessorSeconds() - (user + system) / 1e6
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

/** Of the process alone, since it began. */
export function peakMemoryMiB(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(textOf(pid, 'status'))?.[1]) / 1024)
}

/** Processor time of the process alone, in hundredths. */
export function processorSeconds(pid: number): number {
  const fields = fieldsOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Processor time of a process and all below it, those that have ended too. */
export function processorSecondsOfAll(root: number): number {
  const ticks = treeOf(root).flatMap((pid) => fieldsOf(pid).slice(11, 15))
  return ticks.reduce((sum, tick) => sum + Number(tick), 0) / 100
}

/**
 * Memory of a server and its engine's processes together, looked at five times a second; what they share counts once. Its
 * database is another program.
 */
export function watchMemory(root: number): Disposable & { readonly peakMiB: () => number } {
  let peak = 0
  const look = (): void => {
    const own = treeOf(root).filter((pid) => !textOf(pid, 'status').startsWith('Name:\tpostgres'))
    const sizes = own.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(textOf(pid, 'smaps_rollup'))?.[1] ?? 0))
    peak = Math.max(peak, sizes.reduce((sum, size) => sum + size, 0) / 1024)
  }
  const timer = setInterval(look, 200)
  return { peakMiB: () => Math.round(peak), [Symbol.dispose]: () => clearInterval(timer) }
}

/** A process and all below it. */
function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(fieldsOf(Number(name))[1]))
  }
  const isBelow = (pid: number): boolean => pid === root || (pid > 1 && isBelow(parents.get(pid) ?? 0))
  return [...parents.keys()].filter(isBelow)
}

/** From its state on; none of one that has gone. */
function fieldsOf(pid: number): readonly string[] {
  return textOf(pid, 'stat').split(') ')[1]?.split(' ') ?? []
}

/** What the system says of a process; empty for one that has gone. */
function textOf(pid: number, about: 'stat' | 'status' | 'smaps_rollup'): string {
  try {
    return readFileSync(`/proc/${pid}/${about}`, 'utf8')
  } catch {
    return ''
  }
}
