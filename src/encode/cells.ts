import { addedBytesMax, ByteWriter } from './byte-writer.ts'
import { isMissing, type RawColumn } from './raw-column.ts'
import type { Batch, Value } from './value.ts'

/** One column of some rows as it is sent: `lengths[row]` bytes from `starts[row]` on. */
export interface Cells {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  /** `nullLength` for NULL. */
  readonly lengths: Int32Array
}

/** As the PostgreSQL protocol has it. */
export const nullLength = -1

/** Cells of one column of a batch. They are good until the next batch's are made. */
export type MakeCells = (batch: Batch) => Cells

/** Puts a row's value at a place with room for `cellBytesMax`; returns the position behind it. */
export type PutCell<Values> = (bytes: Buffer, at: number, values: Values, row: number) => number

/** How one type's values are written from memory, by how they lie there. */
export interface Putters {
  readonly number?: PutCell<ArrayLike<number>>
  readonly word?: PutCell<Int32Array>
}

/** No number, date or timestamp takes more. */
export const cellBytesMax = 64

interface Room {
  readonly starts: Uint32Array
  readonly lengths: Int32Array
}

/**
 * Column by column, since a loop that does one thing for many rows takes a fraction of one that does many things for each.
 * What loops is a function of its own, made once: others are compiled again and again.
 */
export function cellMaker(
  column: number,
  {
    putters,
    isSentAsIs,
    write,
  }: {
    readonly putters: Putters
    /** Whether bytes in memory are what is sent. */
    readonly isSentAsIs: boolean
    readonly write: (writer: ByteWriter, value: Exclude<Value, null>) => void
  },
): MakeCells {
  const scratch = new ByteWriter()
  scratch.bytesMax = addedBytesMax
  let room: Room = { starts: new Uint32Array(), lengths: new Int32Array() }

  return (batch) => {
    const { raw, rowCount } = batch
    const given = raw?.column(column)
    if (raw && given?.values.kind === 'bytes' && isSentAsIs) return part(given.values, raw.firstRow, rowCount)
    scratch.rewind()
    if (room.starts.length < rowCount)
      room = { starts: new Uint32Array(rowCount), lengths: new Int32Array(rowCount) }
    const isPut =
      raw && given && fromMemory(scratch, room, { putters, given, firstRow: raw.firstRow, rowCount })
    if (!isPut) valueByValue(scratch, room, { batch, column, write })
    return { bytes: scratch.bytes, ...room }
  }
}

function part({ bytes, starts, lengths }: Cells, from: number, rowCount: number): Cells {
  const to = from + rowCount
  return { bytes, starts: starts.subarray(from, to), lengths: lengths.subarray(from, to) }
}

/** False: there is no way to write them so. */
function fromMemory(
  scratch: ByteWriter,
  room: Room,
  {
    putters,
    given: { validity, values },
    firstRow,
    rowCount,
  }: {
    readonly putters: Putters
    readonly given: RawColumn
    readonly firstRow: number
    readonly rowCount: number
  },
): boolean {
  const rows = { validity, firstRow, rowCount }
  scratch.reserve(rowCount * cellBytesMax)
  if (values.kind === 'numbers' && putters.number)
    putAll(scratch.bytes, room, rows, putters.number, values.numbers)
  else if (values.kind === 'words' && putters.word)
    putAll(scratch.bytes, room, rows, putters.word, values.words)
  else return false
  return true
}

function putAll<Values>(
  bytes: Buffer,
  { starts, lengths }: Room,
  {
    validity,
    firstRow,
    rowCount,
  }: {
    readonly validity: Uint8Array | undefined
    readonly firstRow: number
    readonly rowCount: number
  },
  put: PutCell<Values>,
  values: Values,
): void {
  let at = 0
  for (let row = 0; row < rowCount; row++) {
    if (isMissing(validity, firstRow + row)) {
      lengths[row] = nullLength
      continue
    }
    const end = put(bytes, at, values, firstRow + row)
    starts[row] = at
    lengths[row] = end - at
    at = end
  }
}

function valueByValue(
  scratch: ByteWriter,
  { starts, lengths }: Room,
  {
    batch,
    column,
    write,
  }: {
    readonly batch: Batch
    readonly column: number
    readonly write: (writer: ByteWriter, value: Exclude<Value, null>) => void
  },
): void {
  for (let row = 0; row < batch.rowCount; row++) {
    const value = batch.value(column, row)
    const start = scratch.length
    starts[row] = start
    if (value !== null) write(scratch, value)
    lengths[row] = value === null ? nullLength : scratch.length - start
  }
}
