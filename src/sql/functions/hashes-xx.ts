import { AppError } from '#base/errors.ts'
import { sparkName, type DataType } from '#types/data-type.ts'
import { leavesOf } from './hashes-leaves.ts'

/** Spark's `xxhash64`: over all simple values in the arguments, each value's hash being the seed of the next. */
export function xxHash(values: readonly string[], types: readonly DataType[]): string {
  const leaves = values.map((value, index) => leavesOf(value, types[index] ?? { kind: 'void' }, bytesOf))
  const all = leaves.reduce((left, right) => `list_concat(${left}, ${right})`, 'CAST([] AS BLOB[])')
  return `native_xxhash64(${all})`
}

function bytesOf(value: string, type: DataType): string {
  const low = (text: string, count: number): string => `native_low_bytes(CAST(${text} AS BIGINT), ${count})`
  switch (type.kind) {
    case 'void':
      return 'CAST(NULL AS BLOB)'
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
      return low(value, 4)
    case 'date':
      return low(`(${value} - DATE '1970-01-01')`, 4)
    case 'long':
      return low(value, 8)
    case 'timestamp':
    case 'timestamp_ntz':
      return low(`epoch_us(${value})`, 8)
    case 'double':
      return low(`native_double_bits(${value})`, 8)
    case 'float':
      return low(`native_float_bits(CAST(${value} AS DOUBLE))`, 4)
    case 'decimal': {
      // Up to 18 digits as a long without its point, more as the bytes of a whole number.
      const digits = `replace(CAST(${value} AS VARCHAR), '.', '')`
      return type.precision <= 18 ? low(digits, 8) : `native_integer_bytes(${digits})`
    }
    case 'string':
      return `encode(${value})`
    case 'binary':
      return value
    default:
      throw new AppError('query.unsupported', `xxhash64 cannot take a value of type ${sparkName(type)}.`, {
        hint: 'Cast it to string or bigint first.',
      })
  }
}
