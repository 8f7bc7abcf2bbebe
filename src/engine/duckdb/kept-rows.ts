import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { KeyedScan } from '../engine.ts'
import { memoryLimitSql } from './bounds-sql.ts'
import type { Bounded } from './bounded.ts'

/** What is kept of the rows that scans have in common. */
export interface KeptTable {
  readonly whole: string
  readonly columns: ReadonlySet<string>
  /** Of them those that have an index, where there is room for it. */
  readonly indexed: ReadonlySet<string>
}

/** A statement in the instance that keeps its rows. */
export interface Lookup {
  readonly connection: DuckDBConnection
  /** Its text, with the kept tables in the place of its scans. */
  readonly sql: string
  /** @param isSound it ended by itself, with its last row */
  close(isSound: boolean): void
}

/** How many connections wait for statements. */
const idleConnectionsMax = 8

/**
 * Rows of one set of files in an instance of their own, which can reach nothing but these files. Statements over the very
 * same files run in it at the same time, each by a connection of its own; they can change nothing in it.
 */
export class KeptRows {
  readonly #instance: DuckDBInstance
  readonly #tables: readonly KeptTable[]
  readonly #idle: DuckDBConnection[] = []
  #userCount = 0
  #isEnded = false
  #isClosed = false
  /** What it may use. */
  readonly bytesMax: number

  /**
   * @param options.bytesMax while it is filled; afterwards what it then holds, and `workBytes` for those who look
   * @throws when the rows need more, or their files are gone
   */
  static async load(
    { instance, connection }: Bounded,
    options: {
      readonly tables: readonly KeptTable[]
      readonly bytesMax: number
      readonly workBytes: number
    },
  ): Promise<KeptRows> {
    const { tables, bytesMax, workBytes } = options
    for (const [index, { whole, columns }] of tables.entries()) {
      const list = [...columns].map(quoteIdentifier).join(', ')
      await connection.run(`CREATE TABLE ${nameOf(index)} AS SELECT ${list} FROM ${whole} AS "whole"`)
    }
    for (const [index, { indexed }] of tables.entries()) {
      for (const name of indexed) {
        const create = `CREATE INDEX ${quoteIdentifier(`${index} ${name}`)} ON ${nameOf(index)} (${quoteIdentifier(name)})`
        await connection.run(create).catch(() => {}) // No room: its rows are looked for without.
      }
    }
    const held = await connection.runAndReadAll('SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()')
    const limit = Math.min(bytesMax, Number(held.getRows()[0]?.[0] ?? 0) + workBytes)
    await connection.run(`${memoryLimitSql(limit)}; SET threads = 1; SET lock_configuration = true`)
    return new KeptRows(instance, { tables, bytesMax: limit, connection })
  }

  private constructor(
    instance: DuckDBInstance,
    options: {
      readonly tables: readonly KeptTable[]
      readonly bytesMax: number
      readonly connection: DuckDBConnection
    },
  ) {
    this.#instance = instance
    this.#tables = options.tables
    this.bytesMax = options.bytesMax
    this.#idle.push(options.connection)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  has(scans: readonly KeyedScan[]): boolean {
    return scans.every(({ whole, columns }) => {
      const table = this.#tables.find((one) => one.whole === whole)
      return table !== undefined && columns.every((name) => table.columns.has(name))
    })
  }

  /** Whether loading those would give more indexes. */
  isWithoutIndexOf(tables: readonly KeptTable[]): boolean {
    return tables.some(({ whole, indexed }) => {
      const own = this.#tables.find((one) => one.whole === whole)
      return own !== undefined && [...indexed].some((name) => !own.indexed.has(name))
    })
  }

  async open(sql: string, scans: readonly KeyedScan[]): Promise<Lookup> {
    this.#userCount += 1
    try {
      const connection = this.#idle.pop() ?? (await this.#instance.connect())
      return {
        connection,
        sql: this.#textOf(sql, scans),
        close: (isSound) => {
          if (isSound && this.#idle.length < idleConnectionsMax) this.#idle.push(connection)
          else connection.closeSync()
          this.#left()
        },
      }
    } catch (error) {
      this.#left()
      throw error
    }
  }

  /** As soon as nobody is in it. */
  end(): void {
    this.#isEnded = true
    if (this.#userCount > 0 || this.#isClosed) return
    this.#isClosed = true
    for (const connection of this.#idle.splice(0)) connection.closeSync()
    this.#instance.closeSync()
  }

  #left(): void {
    this.#userCount -= 1
    if (this.#isEnded) this.end()
  }

  /**
   * A scan's text has both kinds of quotes, which are written twice inside of a text or a name. So wherever it stands it is
   * a scan.
   */
  #textOf(sql: string, scans: readonly KeyedScan[]): string {
    return scans.reduce((text, { sql: scan, whole, columns }) => {
      const index = this.#tables.findIndex((one) => one.whole === whole)
      const list = columns.map(quoteIdentifier).join(', ')
      return text.replaceAll(scan, () => `(SELECT ${list} FROM ${nameOf(index)})`)
    }, sql)
  }
}

/** In full, as no WITH of a statement can be called. */
function nameOf(index: number): string {
  return `"memory"."main"."kept ${index}"`
}
