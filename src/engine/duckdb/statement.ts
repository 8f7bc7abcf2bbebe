import type { DuckDBDataChunk, DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api'
import { StatementType } from '@duckdb/node-api'
import { quoteIdentifier } from '#base/sql-text.ts'
import { createEncoder, type Encoder } from '#encode/encoder.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Batch } from '#encode/value.ts'
import type { Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { conforms, nearestType } from './engine-types.ts'
import { NotAQuery } from './failure.ts'
import type { Sandbox } from './instances.ts'
import { batchReader } from './values.ts'

export interface Rows {
  readonly rowCount: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

/** How many bytes a row may take is unknown before the first ones; few enough are tried then. */
const rowBytesFirstGuess = 64 * 1024

/** One query in its sandbox. Rows are fetched from DuckDB only when pulled. */
export class Statement {
  readonly #result: DuckDBResult
  readonly #columns: readonly Field[]
  readonly #encoding: Encoding
  readonly #read: (chunk: DuckDBDataChunk) => Batch
  #encoder: Encoder
  /** What was fetched, and how many rows of it are encoded. */
  #batch: Batch | undefined
  #position = 0
  #rowBytes = rowBytesFirstGuess
  #isDone = false

  private constructor(result: DuckDBResult, encoding: Encoding, columns: readonly Field[]) {
    this.#result = result
    this.#columns = columns
    this.#encoding = encoding
    this.#read = batchReader(columns, result.columnTypes())
    this.#encoder = createEncoder(encoding, columns)
  }

  /** @param columns as they are to be encoded; absent: as the engine has them */
  static async open(
    { connection }: Sandbox,
    { sql, encoding, columns }: { sql: string; encoding: Encoding; columns?: readonly Field[] },
  ): Promise<Statement> {
    let prepared = await prepareQuery(connection, sql)
    try {
      const wanted = columns ?? columnsOf(prepared)
      const cast = castSql(sql, wanted, prepared)
      if (cast !== undefined) {
        prepared.destroySync()
        prepared = await prepareQuery(connection, cast)
      }
      return new Statement(await prepared.stream(), encoding, wanted)
    } finally {
      prepared.destroySync()
    }
  }

  /** Whether the last row has been given. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Begins another file or stream, with a header or schema of its own, at the next row. */
  startAnew(): void {
    this.#encoder = createEncoder(this.#encoding, this.#columns)
  }

  async pull(rowCountMax: number, bytesMax: number): Promise<Rows> {
    let rowCount = 0
    while (rowCount < rowCountMax && this.#encoder.byteCount < bytesMax) {
      const batch = this.#batch ?? (await this.#next())
      if (!batch) {
        this.#isDone = true
        return { rowCount, isLast: true, bytes: this.#encoder.finish() }
      }
      rowCount += this.#encode(batch, rowCountMax - rowCount, bytesMax - this.#encoder.byteCount)
    }
    return { rowCount, isLast: false, bytes: this.#encoder.take() }
  }

  #encode(batch: Batch, rowCountMax: number, bytesMax: number): number {
    const from = this.#position
    const rowsThatFit = Math.max(1, Math.floor(bytesMax / this.#rowBytes))
    const rowCount = Math.min(batch.rowCount - from, rowCountMax, rowsThatFit)
    const bytesBefore = this.#encoder.byteCount
    this.#encoder.add({ rowCount, value: (column, row) => batch.value(column, from + row) })
    this.#rowBytes = Math.max(1, (this.#encoder.byteCount - bytesBefore) / rowCount)
    this.#position += rowCount
    if (this.#position === batch.rowCount) this.#batch = undefined
    return rowCount
  }

  async #next(): Promise<Batch | undefined> {
    const chunk = this.#isDone ? null : await this.#result.fetchChunk()
    this.#position = 0
    this.#batch = chunk && chunk.rowCount > 0 ? this.#read(chunk) : undefined
    return this.#batch
  }
}

/** The columns of a query; nothing is read. */
export async function describeQuery({ connection }: Sandbox, sql: string): Promise<Field[]> {
  const prepared = await prepareQuery(connection, sql)
  try {
    return columnsOf(prepared)
  } finally {
    prepared.destroySync()
  }
}

/** @throws when the text is not one query */
async function prepareQuery(
  connection: Sandbox['connection'],
  sql: string,
): Promise<DuckDBPreparedStatement> {
  const prepared = await connection.prepare(sql)
  if (prepared.statementType === StatementType.SELECT) return prepared
  prepared.destroySync()
  throw new NotAQuery()
}

function columnsOf(prepared: DuckDBPreparedStatement): Field[] {
  return Array.from({ length: prepared.columnCount }, (_, index) => ({
    name: prepared.columnName(index),
    type: nearestType(prepared.columnType(index)),
  }))
}

/** The query with a conversion around it, if any column's type is not the wanted one. */
function castSql(
  sql: string,
  columns: readonly Field[],
  prepared: DuckDBPreparedStatement,
): string | undefined {
  const casts = columns.map(
    ({ type }, index) => !conforms(type, prepared.columnType(index)) && duckdbType(type),
  )
  if (!casts.some(Boolean)) return undefined
  const names = columns.map((_, index) => quoteIdentifier(`column ${index}`))
  const items = casts.map((type, index) =>
    type === false ? names[index] : `CAST(${names[index]} AS ${type})`,
  )
  return `SELECT ${items.join(', ')} FROM (${sql}\n) AS query(${names.join(', ')})`
}
