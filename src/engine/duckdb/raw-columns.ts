import { type DuckDBDataChunk, type DuckDBDecimalType, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { must } from '#base/assert.ts'
import { isMissing, type RawColumn, type RawValues } from '#encode/raw-column.ts'
import type { DataType } from '#types/data-type.ts'
import { entryBytes, gatherBytes } from './gather-bytes.ts'

type ReadValues = (
  vector: duckdb.Vector,
  rowCount: number,
  validity: Uint8Array | undefined,
) => RawValues | undefined

/** Reads a column of a chunk, copied, so that it outlives the chunk. Undefined for types that have values only. */
export function rawColumnReader(
  type: DataType,
  engineType: DuckDBType,
): ((chunk: DuckDBDataChunk, index: number) => RawColumn | undefined) | undefined {
  const read = valuesReader(type, engineType)
  if (!read) return undefined
  return (chunk, index) => {
    const { rowCount } = chunk
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, index)
    // Whole words of 64 bits; null when no row is missing.
    const validity = duckdb.vector_get_validity(vector, Math.ceil(rowCount / 64) * 8) ?? undefined
    const values = read(vector, rowCount, validity)
    return values && { validity, values }
  }
}

function valuesReader(type: DataType, engineType: DuckDBType): ReadValues | undefined {
  if (engineType.typeId === DuckDBTypeId.VARCHAR) return texts // Of another type: what the engine has printed.
  switch (type.kind) {
    case 'boolean':
      return numbers(Uint8Array)
    case 'byte':
      return numbers(Int8Array)
    case 'short':
      return numbers(Int16Array)
    case 'integer':
    case 'date':
      return numbers(Int32Array)
    case 'float':
      return numbers(Float32Array)
    case 'double':
      return numbers(Float64Array)
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return words
    case 'decimal':
      return decimals((engineType as DuckDBDecimalType).width)
    case 'string':
    case 'binary':
      return texts
    default:
      return undefined
  }
}

const texts: ReadValues = (vector, rowCount, validity) => {
  const gathered = gatherBytes(duckdb.vector_get_data(vector, entryBytes * rowCount), rowCount, validity)
  return gathered && { kind: 'bytes', ...gathered }
}

/** One text of a column, for those that are too large to be read together. */
export function textBytes(chunk: DuckDBDataChunk, index: number, row: number): Buffer | undefined {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, index)
  const validity = duckdb.vector_get_validity(vector, Math.ceil((row + 1) / 64) * 8) ?? undefined
  if (isMissing(validity, row)) return undefined
  const entry = duckdb.vector_get_data(vector, entryBytes * (row + 1)).slice(entryBytes * row)
  const { bytes, starts, lengths } = must(gatherBytes(entry, 1, undefined), 'one text is always gathered')
  return bytes.subarray(starts[0], starts[0]! + lengths[0]!)
}

/** By how many digits they may have, decimals are numbers of 16, 32, 64 or 128 bits. */
function decimals(width: number): ReadValues | undefined {
  if (width <= 4) return numbers(Int16Array)
  if (width <= 9) return numbers(Int32Array)
  return width <= 18 ? words : undefined
}

function numbers(
  Numbers: (new (buffer: ArrayBufferLike, byteOffset: number, length: number) => ArrayLike<number>) & {
    readonly BYTES_PER_ELEMENT: number
  },
): ReadValues {
  return (vector, rowCount) => {
    const data = dataOf(vector, rowCount * Numbers.BYTES_PER_ELEMENT)
    return { kind: 'numbers', numbers: new Numbers(data.buffer, data.byteOffset, rowCount) }
  }
}

const words: ReadValues = (vector, rowCount) => {
  const data = dataOf(vector, rowCount * 8)
  return { kind: 'words', words: new Int32Array(data.buffer, data.byteOffset, 2 * rowCount) }
}

/** A copy that begins where numbers of 64 bits may. */
function dataOf(vector: duckdb.Vector, byteCount: number): Uint8Array {
  const data = duckdb.vector_get_data(vector, byteCount)
  return data.byteOffset % 8 === 0 ? data : Uint8Array.from(data)
}
