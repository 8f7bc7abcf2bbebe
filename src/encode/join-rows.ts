import type { ByteWriter } from './byte-writer.ts'
import { type Cells, nullLength } from './cells.ts'

/** Longer cells are copied by the machine, shorter ones sooner in a loop. */
const loopBytesMax = 160

/** Of each row first its size, then where its next cell goes. Used by one call at a time. */
let places = new Uint32Array(2048)

/**
 * Messages of cells with their lengths in front, one a row: `DataRow`, and the `CopyData` of COPY's binary form.
 * @param prefix bytes in front of the first row
 */
export function joinFields(
  writer: ByteWriter,
  {
    type,
    columns,
    rowCount,
    prefix,
  }: {
    readonly type: number
    readonly columns: readonly Cells[]
    readonly rowCount: number
    readonly prefix?: Uint8Array | undefined
  },
): void {
  if (rowCount === 0) return
  measure(columns, { rowCount, rowBytes: 7 + 4 * columns.length, nullBytes: 0 })
  if (prefix) places[0]! += prefix.length
  const view = reserved(writer, rowCount)
  let at = writer.length
  for (let row = 0; row < rowCount; row++) {
    const size = places[row]!
    view.setUint8(at, type)
    view.setInt32(at + 1, size - 1)
    let place = at + 5
    if (prefix && row === 0) {
      writer.bytes.set(prefix, place)
      place += prefix.length
    }
    view.setInt16(place, columns.length)
    places[row] = place + 2
    at += size
  }
  writer.length = at
  for (const cells of columns) joinField(view, cells, rowCount)
}

function joinField(view: DataView, { bytes, starts, lengths }: Cells, rowCount: number): void {
  const source = viewOf(bytes)
  for (let row = 0; row < rowCount; row++) {
    const place = places[row]!
    const length = lengths[row]!
    view.setInt32(place, length)
    places[row] = place + 4 + (length > 0 ? copy(view, place + 4, source, starts[row]!, length) : 0)
  }
}

/** The `CopyData` messages of COPY's lines, one a row. */
export function joinLines(
  writer: ByteWriter,
  {
    columns,
    rowCount,
    delimiter,
    nothing,
  }: {
    readonly columns: readonly Cells[]
    readonly rowCount: number
    readonly delimiter: number
    /** What stands for NULL. */
    readonly nothing: Uint8Array
  },
): void {
  measure(columns, { rowCount, rowBytes: 5 + Math.max(1, columns.length), nullBytes: nothing.length })
  const view = reserved(writer, rowCount)
  let at = writer.length
  for (let row = 0; row < rowCount; row++) {
    const size = places[row]!
    view.setUint8(at, 0x64)
    view.setInt32(at + 1, size - 1)
    places[row] = at + 5
    at += size
  }
  writer.length = at
  const nulls = viewOf(nothing)
  for (const [column, cells] of columns.entries()) {
    joinCell(view, cells, { rowCount, nulls, end: column === columns.length - 1 ? 0x0a : delimiter })
  }
  if (columns.length === 0) for (let row = 0; row < rowCount; row++) view.setUint8(places[row]!, 0x0a)
}

function joinCell(
  view: DataView,
  { bytes, starts, lengths }: Cells,
  { rowCount, nulls, end }: { readonly rowCount: number; readonly nulls: DataView; readonly end: number },
): void {
  const source = viewOf(bytes)
  const nullBytes = nulls.byteLength
  for (let row = 0; row < rowCount; row++) {
    const place = places[row]!
    const length = lengths[row]!
    const behind =
      place +
      (length === nullLength
        ? copy(view, place, nulls, 0, nullBytes)
        : copy(view, place, source, starts[row]!, length))
    view.setUint8(behind, end)
    places[row] = behind + 1
  }
}

function measure(
  columns: readonly Cells[],
  {
    rowCount,
    rowBytes,
    nullBytes,
  }: { readonly rowCount: number; readonly rowBytes: number; readonly nullBytes: number },
): void {
  if (places.length < rowCount) places = new Uint32Array(rowCount)
  places.fill(rowBytes, 0, rowCount)
  for (const cells of columns) measureColumn(cells, rowCount, nullBytes)
}

function measureColumn({ lengths }: Cells, rowCount: number, nullBytes: number): void {
  for (let row = 0; row < rowCount; row++) {
    const length = lengths[row]!
    places[row]! += length === nullLength ? nullBytes : length
  }
}

/** Room for the rows that were measured. */
function reserved(writer: ByteWriter, rowCount: number): DataView {
  writer.reserve(measured(rowCount))
  return viewOf(writer.bytes)
}

function measured(rowCount: number): number {
  let byteCount = 0
  for (let row = 0; row < rowCount; row++) byteCount += places[row]!
  return byteCount
}

/** Returns how many bytes there were. */
function copy(target: DataView, at: number, source: DataView, start: number, length: number): number {
  if (length > loopBytesMax) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset + start, length)
    new Uint8Array(target.buffer, target.byteOffset + at, length).set(bytes)
    return length
  }
  const words = length & ~3
  for (let index = 0; index < words; index += 4)
    target.setInt32(at + index, source.getInt32(start + index, true), true)
  for (let index = words; index < length; index++) target.setUint8(at + index, source.getUint8(start + index))
  return length
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
