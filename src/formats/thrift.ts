/**
 * Thrift's compact protocol, without knowing what the fields mean: what is read and written again is the same, fields
 * of newer versions included. Maps are not read, Parquet has none.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export type ThriftStruct = ReadonlyMap<number, ThriftField>

export interface ThriftField {
  readonly type: number
  readonly value: ThriftValue
}

/** Integers of all widths are numbers: those that are no safe integers are refused. */
export type ThriftValue = boolean | number | Uint8Array | ThriftList | ThriftStruct

export interface ThriftList {
  readonly type: number
  readonly items: readonly ThriftValue[]
}

export const thriftType = { i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const

const [isTrue, isFalse, i8, i16, double, set] = [1, 2, 3, 4, 7, 10]
const { i32, i64, binary, list, struct } = thriftType
const depthMax = 64
/** Structs, fields and items together. A value takes up to 200 bytes of memory, one byte of what is read. */
const valuesMax = 500_000

/** @throws RangeError or TypeError when the bytes are no struct, end before it does, or hold too much */
export function readThrift(bytes: Uint8Array): ThriftStruct {
  return new ThriftReader(bytes).struct(0)
}

export function writeThrift(value: ThriftStruct): Buffer {
  const bytes: number[] = []
  const pieces: Uint8Array[] = []
  const flush = (): void => {
    pieces.push(Uint8Array.from(bytes))
    bytes.length = 0
  }
  const varint = (value: number): void => {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
    bytes.push(rest)
  }
  const zigzag = (value: number): void => {
    const wide = value < 0 ? -2 * value - 1 : 2 * value
    if (!Number.isSafeInteger(wide)) throw new RangeError(`${value} is no integer that is written.`)
    varint(wide)
  }
  const putNumber = (type: number, value: number): void => {
    if (type === i8) bytes.push(value & 255)
    else zigzag(value)
  }
  const put = (type: number, value: ThriftValue): void => {
    if (typeof value === 'boolean') bytes.push(value ? isTrue : isFalse)
    else if (typeof value === 'number') putNumber(type, value)
    else if (value instanceof Uint8Array) {
      if (type === binary) varint(value.length)
      flush()
      pieces.push(value)
    } else if ('items' in value) putList(value)
    else putStruct(value)
  }
  const putList = ({ type, items }: ThriftList): void => {
    if (items.length < 15) bytes.push((items.length << 4) | type)
    else {
      bytes.push(0xf0 | type)
      varint(items.length)
    }
    for (const item of items) put(type, item)
  }
  const putStruct = (fields: ThriftStruct): void => {
    let before = 0
    for (const [id, { type, value }] of fields) {
      const header = typeof value === 'boolean' ? (value ? isTrue : isFalse) : type
      const step = id - before
      if (step > 0 && step <= 15) bytes.push((step << 4) | header)
      else {
        bytes.push(header)
        zigzag(id)
      }
      before = id
      if (typeof value !== 'boolean') put(type, value)
    }
    bytes.push(0)
  }
  putStruct(value)
  flush()
  return Buffer.concat(pieces)
}

class ThriftReader {
  readonly #bytes: Uint8Array
  #at = 0
  #valueCount = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  struct(depth: number): ThriftStruct {
    const fields = new Map<number, ThriftField>()
    for (let id = 0; ;) {
      const header = this.#byte()
      if (header === 0) return fields
      const [step, type] = [header >> 4, header & 15]
      id = step === 0 ? this.#zigzag() : id + step
      const value = this.#value(type, depth, { isField: true })
      fields.set(id, { type, value })
    }
  }

  #value(type: number, depth: number, { isField = false } = {}): ThriftValue {
    this.#valueCount += 1
    if (this.#valueCount > valuesMax) throw new RangeError('There are too many values.')
    if (depth > depthMax) throw new RangeError('Values are nested too deeply.')
    switch (type) {
      case isTrue:
      case isFalse:
        // A field's value is its type, an item's is a byte.
        return (isField ? type : this.#byte()) === isTrue
      case i8:
        return (this.#byte() << 24) >> 24
      case i16:
      case i32:
      case i64:
        return this.#zigzag()
      case double:
        return this.#take(8)
      case binary:
        return this.#take(this.#varint())
      case list:
      case set:
        return this.#list(depth)
      case struct:
        return this.struct(depth + 1)
      default:
        throw new TypeError(`A value of the type ${type} is not read.`)
    }
  }

  #list(depth: number): ThriftList {
    const header = this.#byte()
    const count = header >> 4 === 15 ? this.#varint() : header >> 4
    const type = header & 15
    const items: ThriftValue[] = []
    for (let index = 0; index < count; index += 1) items.push(this.#value(type, depth + 1))
    return { type, items }
  }

  #zigzag(): number {
    const wide = this.#varint()
    return wide % 2 === 0 ? wide / 2 : -(wide + 1) / 2
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * scale
      if (!Number.isSafeInteger(value)) throw new RangeError('An integer is too large.')
      if (byte < 128) return value
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('The bytes end before the struct does.')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError('The bytes end before the struct does.')
    this.#at += 1
    return byte
  }
}
