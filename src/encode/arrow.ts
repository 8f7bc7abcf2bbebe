import * as arrow from 'apache-arrow'
import type { DataType, Field } from '#types/data-type.ts'
import { arrowField, arrowType } from '#types/arrow.ts'
import { intervalText } from './text.ts'
import type { Batch, Interval, MapEntries, Value } from './value.ts'

/**
 * Builds an Arrow IPC stream piece by piece. Arrays are filled by hand from the values: the library's builders lose
 * microseconds and digits of decimals on the way through JavaScript numbers.
 */
export class ArrowStream {
  readonly #columns: readonly Field[]
  readonly #schema: arrow.Schema
  readonly #writer = new arrow.RecordBatchStreamWriter({ autoDestroy: false })
  #hasBegun = false

  constructor(columns: readonly Field[]) {
    this.#columns = columns
    this.#schema = new arrow.Schema(columns.map(arrowField))
  }

  /** The schema, the first time; nothing afterwards. */
  head(): Uint8Array {
    this.#begin()
    return this.#drain()
  }

  /** The bytes of some rows; behind the schema, where nobody asked for it. Those that are thrown away were never there. */
  encode(batches: readonly Batch[]): Uint8Array {
    this.#begin()
    for (const batch of batches) {
      const rows = Array.from({ length: batch.rowCount }, (_, row) => row)
      const children = this.#columns.map((column, index) =>
        data(
          column.type,
          rows.map((row) => batch.value(index, row)),
        ),
      )
      const struct = arrow.makeData({
        type: new arrow.Struct(this.#schema.fields),
        length: batch.rowCount,
        nullCount: 0,
        children,
      })
      this.#writer.write(new arrow.RecordBatch(this.#schema, struct))
    }
    return this.#drain()
  }

  /** The end of the stream (with the schema, if no row came). */
  finish(): Uint8Array {
    this.#begin()
    this.#writer.finish()
    return this.#drain()
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#writer.reset(undefined, this.#schema)
  }

  #drain(): Uint8Array {
    const sink = this.#writer as unknown as { _sink: { _values: Uint8Array[] } }
    return Buffer.concat(sink._sink._values.splice(0))
  }
}

function data(type: DataType, values: readonly Value[]): arrow.Data {
  const arrowed = arrowType(type)
  const length = values.length
  const nullBitmap = bitmap(values.map((value) => value !== null))
  const nullCount = values.reduce<number>((count, value) => count + (value === null ? 1 : 0), 0)
  const base = { type: arrowed, length, nullCount, nullBitmap }
  const make = (parts: object): arrow.Data => arrow.makeData({ ...base, ...parts } as never)
  switch (type.kind) {
    case 'boolean':
      return make({ data: bitmap(values.map(Boolean)) })
    case 'byte':
      return make({ data: Int8Array.from(values as number[]) })
    case 'short':
      return make({ data: Int16Array.from(values as number[]) })
    case 'integer':
    case 'void':
    case 'date':
      return make({ data: Int32Array.from(values as number[]) })
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return make({ data: BigInt64Array.from(values, (value) => (value as bigint | null) ?? 0n) })
    case 'float':
      return make({ data: Float32Array.from(values as number[]) })
    case 'double':
      return make({ data: Float64Array.from(values as number[]) })
    case 'decimal':
      return make({ data: decimals(values as (bigint | null)[]) })
    case 'string':
      return make(bytesOf(values.map((value) => Buffer.from((value as string | null) ?? ''))))
    case 'interval':
      return make(
        bytesOf(values.map((value) => Buffer.from(value === null ? '' : intervalText(value as Interval)))),
      )
    case 'binary':
      return make(bytesOf(values.map((value) => (value as Uint8Array | null) ?? new Uint8Array())))
    case 'struct':
      return make({
        children: type.fields.map((field, index) =>
          data(
            field.type,
            values.map((value) => (value === null ? null : ((value as readonly Value[])[index] ?? null))),
          ),
        ),
      })
    case 'array': {
      const lists = values.map((value) => (value as readonly Value[] | null) ?? [])
      return make({ valueOffsets: offsets(lists), child: data(type.element, lists.flat(1)) })
    }
    case 'map': {
      const lists = values.map((value) => (value as MapEntries | null)?.entries ?? [])
      const entries = lists.flat()
      const child = arrow.makeData({
        type: (arrowed as arrow.Map_).children[0]!.type as arrow.Struct,
        length: entries.length,
        nullCount: 0,
        children: [
          data(
            type.key,
            entries.map(([key]) => key),
          ),
          data(
            type.value,
            entries.map(([, value]) => value),
          ),
        ],
      })
      return make({ valueOffsets: offsets(lists), child })
    }
  }
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (let index = 0; index < bits.length; index++) if (bits[index]) bytes[index >> 3]! |= 1 << (index & 7)
  return bytes
}

function offsets(lists: readonly { readonly length: number }[]): Int32Array {
  const result = new Int32Array(lists.length + 1)
  for (let index = 0; index < lists.length; index++) result[index + 1] = result[index]! + lists[index]!.length
  return result
}

function bytesOf(values: readonly Uint8Array[]): object {
  return { valueOffsets: offsets(values), data: Buffer.concat(values) }
}

/** 128-bit little-endian two's complement. */
function decimals(values: readonly (bigint | null)[]): Uint32Array {
  const words = new BigUint64Array(values.length * 2)
  for (let index = 0; index < values.length; index++) {
    const value = BigInt.asUintN(128, values[index] ?? 0n)
    words[index * 2] = value & 0xffff_ffff_ffff_ffffn
    words[index * 2 + 1] = value >> 64n
  }
  return new Uint32Array(words.buffer)
}
