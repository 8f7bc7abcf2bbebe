import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { quoteList } from '#base/sql-text.ts'
import { boundsSql } from './bounds-sql.ts'
import type { ParquetFormat } from './copy-sql.ts'
import { registerNatives } from './natives.ts'
import type { ChildSettings, Share, WireStatement } from './protocol.ts'

/**
 * One DuckDB for one statement: it can reach exactly what it was given. Only a statement that was given the very same may go
 * on in it.
 */
export interface Sandbox {
  readonly connection: DuckDBConnection
  readonly threads: number
  /** Another connection, for what runs beside. */
  connect(): Promise<Beside>
  /** Of all that runs. */
  interrupt(): void
  /** @param isSound a query ended by itself, with its last row */
  close(isSound: boolean): void
}

interface Beside extends Disposable {
  readonly connection: DuckDBConnection
}

export interface CopyTarget {
  readonly folder: string
  readonly isOrdered: boolean
  /** Files without parts take rows from all threads as they come. */
  readonly format?: ParquetFormat
}

interface Open {
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
}

/** What a query left behind: the footers of the files it read, and nothing that another could change. */
interface Left extends Open {
  readonly files: string
  readonly share: Share
  readonly useCount: number
  readonly ending: NodeJS.Timeout
}

const leftMs = 10_000
const usesMax = 1_000

/** Keeps some instances ready, because making one takes about 20 ms. */
export class Instances {
  readonly #settings: ChildSettings
  readonly #spare: Promise<DuckDBInstance>[] = []
  /** The one used last at the end. */
  readonly #left: Left[] = []
  #created = 0

  constructor(settings: ChildSettings) {
    this.#settings = settings
    this.refill()
  }

  /** @param copy where the only files that can be written lie; `statement.files` are the only paths that can be read */
  async sandbox({ files, share }: WireStatement, copy?: CopyTarget): Promise<Sandbox> {
    const key = JSON.stringify(files)
    const left = copy === undefined ? this.#takeLeft(key, share) : undefined
    const open = left ?? (await this.#open(limitsSql(files, share, copy)))
    const useCount = (left?.useCount ?? 0) + 1
    const { instance, connection } = open
    const connections = new Set([connection])
    return {
      connection,
      threads: copy !== undefined && isByOne(copy) ? 1 : this.#settings.threads,
      connect: async () => {
        const beside = await instance.connect()
        connections.add(beside)
        return {
          connection: beside,
          [Symbol.dispose]: () => {
            connections.delete(beside)
            beside.closeSync()
          },
        }
      },
      interrupt: () => {
        for (const one of connections) one.interrupt()
      },
      close: (isSound) => {
        const isKept = isSound && copy === undefined && useCount < usesMax
        if (isKept) this.#leave({ instance, connection, files: key, share: left?.share ?? share, useCount })
        else close(open)
        this.refill() // Now, and not while the statement needs the cores.
      },
    }
  }

  /** One that is nobody's yet, to be made so before anything runs in it. */
  async take(): Promise<DuckDBInstance> {
    return await (this.#spare.shift() ?? this.#create())
  }

  async #open(limits: string): Promise<Open> {
    const instance = await this.take()
    const connection = await instance.connect()
    await connection.run(limits)
    return { instance, connection }
  }

  /** One whose limits are no higher, and not by much lower. */
  #takeLeft(files: string, { memoryBytes }: Share): Left | undefined {
    const index = this.#left.findLastIndex(
      ({ files: its, share }) =>
        its === files && share.memoryBytes <= memoryBytes && share.memoryBytes >= memoryBytes / 2,
    )
    const [left] = index === -1 ? [] : this.#left.splice(index, 1)
    clearTimeout(left?.ending)
    return left
  }

  #leave(one: Omit<Left, 'ending'>): void {
    const ending = setTimeout(() => this.#end(left), leftMs).unref()
    const left = { ...one, ending }
    this.#left.push(left)
    if (this.#left.length > this.#settings.spareInstances) this.#end(this.#left[0]!)
  }

  #end(left: Left): void {
    clearTimeout(left.ending)
    this.#left.splice(this.#left.indexOf(left), 1)
    close(left)
  }

  /** Replaces what was taken; for when nobody needs the cores. */
  refill(): void {
    while (this.#spare.length < this.#settings.spareInstances) {
      const instance = this.#create()
      instance.catch(() => {}) // Whoever takes it from the list meets the error.
      this.#spare.push(instance)
    }
  }

  async #create(): Promise<DuckDBInstance> {
    this.#created += 1
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(this.#settings.threads),
      // Spill files are named alike in every instance.
      temp_directory: join(this.#settings.scratchFolder, String(this.#created)),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      preserve_insertion_order: 'true',
      // What is left behind would hold memory that others were promised.
      enable_external_file_cache: 'false',
    })
    const connection = await instance.connect()
    await connection.run(`SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true`)
    registerNatives(connection)
    connection.closeSync()
    return instance
  }
}

function close({ instance, connection }: Open): void {
  connection.closeSync()
  instance.closeSync()
}

/** Of several threads each would begin files of its own, where files end by size. */
function isByOne({ isOrdered, format }: CopyTarget): boolean {
  return isOrdered && format?.fileBytesMax !== undefined
}

/** What a statement may use and reach, after which nothing of it can be changed. */
function limitsSql(files: readonly string[], share: Share, copy: CopyTarget | undefined): string {
  const forCopy = copy && [
    `SET preserve_insertion_order = ${copy.isOrdered || copy.format?.partitionBy !== undefined}`,
    'SET external_threads = 0',
    ...(isByOne(copy) ? ['SET threads = 1'] : []),
    'SET enable_progress_bar = true',
    'SET enable_progress_bar_print = false',
    'SET progress_bar_time = 0',
    `SET allowed_directories = ${quoteList([copy.folder])}`,
  ]
  const all = [
    ...(forCopy ?? []),
    boundsSql(copy ? [...files, copy.folder] : files, share),
    'SET lock_configuration = true',
  ]
  return all.join('; ')
}
