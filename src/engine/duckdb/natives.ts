import {
  BIGINT,
  BLOB,
  BOOLEAN,
  blobValue,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBListValue,
  DuckDBScalarFunction,
  INTEGER,
  LIST,
  listValue,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'
import type { NativeFunction, NativeType } from '#natives/native.ts'
import { nativeFunctions, nativePrefix } from '#natives/natives.ts'
import { watched } from './watched.ts'

const types: Readonly<Record<NativeType, DuckDBType>> = {
  boolean: BOOLEAN,
  integer: INTEGER,
  long: BIGINT,
  double: DOUBLE,
  text: VARCHAR,
  bytes: BLOB,
  texts: LIST(VARCHAR),
  doubles: LIST(DOUBLE),
  pairs: LIST(LIST(DOUBLE)),
  integers: LIST(INTEGER),
  blobs: LIST(BLOB),
}

/** Makes the functions of `natives` callable in every statement of the connection's instance. */
export function registerNatives(connection: DuckDBConnection): void {
  for (const one of nativeFunctions) {
    const made = scalarFunction(one)
    connection.registerScalarFunction(made)
    made.destroySync()
  }
}

/** Whether a text may call any of them. */
export function callsNatives(sql: string): boolean {
  return sql.includes(nativePrefix)
}

function scalarFunction({ name, takes, gives, run, isBounded }: NativeFunction): DuckDBScalarFunction {
  const call = run as (...values: readonly unknown[]) => unknown
  return DuckDBScalarFunction.create({
    name,
    parameterTypes: takes.map((type) => types[type]),
    returnType: types[gives],
    mainFunction(_info, input, output) {
      const columns = takes.map((_type, index) => input.getColumnVector(index))
      const rows = (): void => {
        for (let row = 0; row < input.rowCount; row += 1) {
          const values = columns.map((column) => fromEngine(column.getItem(row)))
          output.setItem(row, values.includes(null) ? null : toEngine(called(call, values)))
        }
      }
      if (isBounded) rows()
      else watched(rows)
      output.flush()
    },
  })
}

/** What is too large for JavaScript is told in words of ours. */
function called(call: (...values: readonly unknown[]) => unknown, values: readonly unknown[]): unknown {
  try {
    return call(...values)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Error('A value would be larger than functions can make it.', { cause: error })
  }
}

function fromEngine(value: DuckDBValue): unknown {
  if (value instanceof DuckDBBlobValue) return value.bytes
  return value instanceof DuckDBListValue ? value.items.map(fromEngine) : value
}

function toEngine(value: unknown): DuckDBValue {
  if (value instanceof Uint8Array) return blobValue(value)
  return Array.isArray(value) ? listValue(value.map(toEngine)) : (value as DuckDBValue)
}
