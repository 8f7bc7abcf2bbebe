import type { ResultRows } from '../results.ts'

const pullLimit = { rowCountMax: 4_096, bytesMax: 512 * 1024 }

/** Pulls rows that nobody is given, to their end. How many there were. */
export async function pullAll(rows: ResultRows): Promise<number> {
  let rowCount = 0
  for (;;) {
    const chunk = await rows.pull(pullLimit)
    rowCount += chunk.rowCount
    if (chunk.state === 'done') return rowCount
  }
}
