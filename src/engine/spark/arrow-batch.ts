import * as arrow from 'apache-arrow'
import { must } from '#base/assert.ts'
import { type Batch, Interval, MapEntries, type Value } from '#encode/value.ts'

/** The value of a row, which is not NULL. */
type Read = (row: number) => Value

/**
 * The rows of an Arrow stream, by column, whatever the columns' names are. Values are read from the buffers as they
 * lie there: the library's own getters lose microseconds and the digits of large numbers.
 */
export function readArrow(stream: Uint8Array): readonly Batch[] {
  const batches = [...arrow.RecordBatchReader.from(stream)].filter(({ numRows }) => numRows > 0)
  return batches.map(({ numRows, data }) => {
    const columns = data.children.map(nullable)
    return {
      rowCount: numRows,
      value: (column, row) => must(columns[column], 'a column of the result')(row),
    }
  })
}

function nullable(data: arrow.Data): Read {
  if (data.typeId === arrow.Type.Null) return () => null
  const read = reader(data)
  if (data.nullCount === 0) return read
  const { nullBitmap, offset } = data
  return (row) => (bit(nullBitmap, offset + row) ? read(row) : null)
}

function bit(bytes: Uint8Array, index: number): boolean {
  return (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
}

function reader(data: arrow.Data): Read {
  const { type }: { readonly type: arrow.DataType } = data
  const { values } = data
  if (arrow.DataType.isBool(type)) return (row) => bit(values as Uint8Array, data.offset + row)
  if (arrow.DataType.isInt(type) && type.bitWidth < 64) return numbers(values)
  if (arrow.DataType.isFloat(type) || isDay(type)) return numbers(values)
  if (arrow.DataType.isInt(type) || arrow.DataType.isTimestamp(type)) return longs(values)
  if (arrow.DataType.isDuration(type)) {
    const micros = longs(values)
    return (row) => new Interval(0, 0, micros(row) as bigint)
  }
  if (arrow.DataType.isInterval(type)) return intervals(type, values)
  if (arrow.DataType.isDecimal(type)) return decimals(values)
  if (arrow.DataType.isUtf8(type)) return slices(data, (bytes) => bytes.toString('utf8'))
  if (arrow.DataType.isBinary(type)) return slices(data, (bytes) => bytes)
  if (arrow.DataType.isStruct(type)) {
    const fields = data.children.map(nullable)
    return (row) => fields.map((field) => field(row))
  }
  if (arrow.DataType.isList(type)) return lists(data)
  if (arrow.DataType.isMap(type)) return maps(data)
  throw new Error(`Broken invariant: Spark sends no column of Arrow's type ${type.typeId}`)
}

function isDay(type: arrow.DataType): boolean {
  return arrow.DataType.isDate(type) && type.unit === arrow.DateUnit.DAY
}

function numbers(values: ArrayLike<number>): Read {
  return (row) => values[row] ?? 0
}

function longs(values: BigInt64Array): Read {
  return (row) => values[row] ?? 0n
}

/** 128 bits, the lowest 32 first: the digits without the point. */
function decimals(values: Uint32Array): Read {
  const words = new DataView(values.buffer, values.byteOffset, values.byteLength)
  return (row) => (words.getBigInt64(row * 16 + 8, true) << 64n) | words.getBigUint64(row * 16, true)
}

function intervals(type: arrow.Interval, values: Int32Array): Read {
  switch (type.unit) {
    case arrow.IntervalUnit.YEAR_MONTH:
      return (row) => new Interval(values[row] ?? 0, 0, 0n)
    case arrow.IntervalUnit.MONTH_DAY_NANO: {
      const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
      return (row) =>
        new Interval(
          view.getInt32(row * 16, true),
          view.getInt32(row * 16 + 4, true),
          view.getBigInt64(row * 16 + 8, true) / 1000n,
        )
    }
    default:
      throw new Error('Broken invariant: Spark sends no intervals of days and milliseconds')
  }
}

function slices(data: arrow.Data, make: (bytes: Buffer) => Value): Read {
  const { valueOffsets } = data
  const values = data.values as Uint8Array
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return (row) => make(bytes.subarray(valueOffsets[row], valueOffsets[row + 1]))
}

function spanOf(data: arrow.Data, row: number): readonly [number, number] {
  return [data.valueOffsets[row] ?? 0, data.valueOffsets[row + 1] ?? 0]
}

function lists(data: arrow.Data): Read {
  const item = nullable(must(data.children[0], 'a list has items'))
  return (row) => {
    const [start, end] = spanOf(data, row)
    return Array.from({ length: end - start }, (_, index) => item(start + index))
  }
}

function maps(data: arrow.Data): Read {
  const entries = must(data.children[0], 'a map has entries')
  const [key, value] = entries.children.map(nullable)
  return (row) => {
    const [start, end] = spanOf(data, row)
    return new MapEntries(
      Array.from({ length: end - start }, (_, index) => [
        must(key, 'a map has keys')(start + index),
        must(value, 'a map has values')(start + index),
      ]),
    )
  }
}
