import duckdb from '@duckdb/node-bindings'
import { giveBack } from '#base/give-back.ts'
import { addedBytesMax } from '#encode/byte-writer.ts'
import { isMissing } from '#encode/raw-column.ts'
import { rowTooLarge } from '../encoded-rows.ts'

/** Of all machines' pages the smallest: what lies in one with a byte that may be read may be read too. */
const pageBytes = 4_096
/** An entry of a vector of texts: length (4 bytes), then the text, or 4 bytes of it and its address. */
export const entryBytes = 16
const inlineBytesMax = 12
/** More is not copied at once: it would be memory beside what the engine is allowed. */
const gatheredBytesMax = 64 * 1024 * 1024

interface Gathered {
  readonly bytes: Buffer
  readonly starts: Uint32Array
  /** -1 where there is no text. */
  readonly lengths: Int32Array
}

/** Pages that follow each other, and where their copy begins. */
interface Run {
  readonly address: number
  readonly end: number
  readonly start: number
}

/**
 * The bytes of a vector of texts in one piece. Asking the engine for each one's would take longer than all the rest, so
 * whole pages are copied that have them; usually the texts of a vector lie behind each other.
 * @param entries a copy of the vector's data, which is used up; the vector itself must be alive while this runs
 * @returns undefined where they are too many to be copied together; those of one row never are
 * @see https://duckdb.org/docs/stable/clients/c/vector#strings
 */
export function gatherBytes(
  entries: Uint8Array,
  rowCount: number,
  validity: Uint8Array | undefined,
): Gathered | undefined {
  const starts = new Uint32Array(rowCount)
  const lengths = new Int32Array(rowCount)
  const addresses = new Float64Array(rowCount)
  const pages = readEntries(entries, { rowCount, validity, starts, lengths, addresses })
  if (!pages) return undefined
  if (pages.length === 0) {
    return { bytes: Buffer.from(entries.buffer, entries.byteOffset, entries.length), starts, lengths }
  }
  const runs = runsOf(pages, entries.length)
  if (rowCount > 1 && runs.at(-1)!.start > gatheredBytesMax) return undefined
  place(starts, addresses, runs)
  return { bytes: copied(entries, runs), starts, lengths }
}

/** Where each text is. Returns the pages that have those with an address; undefined: they are too many. */
function readEntries(
  entries: Uint8Array,
  {
    rowCount,
    validity,
    starts,
    lengths,
    addresses,
  }: {
    readonly rowCount: number
    readonly validity: Uint8Array | undefined
    readonly starts: Uint32Array
    readonly lengths: Int32Array
    readonly addresses: Float64Array
  },
): number[] | undefined {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength)
  const pages: number[] = []
  let lastPage = -1
  let lastAddress = -1
  for (let row = 0; row < rowCount; row++) {
    if (isMissing(validity, row)) {
      lengths[row] = -1
      continue
    }
    const at = row * entryBytes
    const length = view.getUint32(at, true)
    if (length > addedBytesMax) {
      if (rowCount > 1) return undefined // It may be behind the rows that are asked for.
      throw rowTooLarge() // Before it is copied.
    }
    lengths[row] = length
    starts[row] = at + 4
    if (length <= inlineBytesMax) continue
    const address = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32
    addresses[row] = address
    if (address === lastAddress) continue // One text for many rows.
    lastAddress = address
    if (pages.length * pageBytes > gatheredBytesMax && rowCount > 1) return undefined
    const last = Math.floor((address + length - 1) / pageBytes)
    for (let page = Math.floor(address / pageBytes); page <= last; page++) {
      if (page === lastPage) continue
      pages.push(page)
      lastPage = page
    }
  }
  return pages
}

function runsOf(pages: readonly number[], firstStart: number): Run[] {
  const sorted = Float64Array.from(pages).sort()
  const runs: Run[] = []
  let start = firstStart
  for (let index = 0; index < sorted.length;) {
    const first = sorted[index]!
    let last = first
    while (index < sorted.length && sorted[index]! <= last + 1) last = sorted[index++]!
    const run = { address: first * pageBytes, end: (last + 1) * pageBytes, start }
    runs.push(run)
    start += run.end - run.address
  }
  return runs
}

/** Sets where in the copy the texts with an address begin. */
function place(starts: Uint32Array, addresses: Float64Array, runs: readonly Run[]): void {
  let run = runs[0]!
  for (let row = 0; row < addresses.length; row++) {
    const address = addresses[row]!
    if (address === 0) continue
    if (address < run.address || address >= run.end) run = runWith(runs, address)
    starts[row] = run.start + (address - run.address)
  }
}

function runWith(runs: readonly Run[], address: number): Run {
  let low = 0
  let high = runs.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (address < runs[middle]!.end) high = middle
    else low = middle + 1
  }
  return runs[low]!
}

function copied(entries: Uint8Array, runs: readonly Run[]): Buffer {
  const { start, address, end } = runs.at(-1)!
  const bytes = Buffer.allocUnsafeSlow(start + end - address)
  bytes.set(entries)
  giveBack(entries)
  const pointer = new BigUint64Array(1)
  for (const run of runs) {
    pointer[0] = BigInt(run.address)
    const pages = duckdb.get_data_from_pointer(pointer.buffer, 0, run.end - run.address)
    bytes.set(pages, run.start)
    giveBack(pages)
  }
  return bytes
}
