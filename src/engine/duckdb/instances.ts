import { join } from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { quoteLiteral } from '#base/sql-text.ts'
import { registerNatives } from './natives.ts'
import type { ChildSettings, WireStatement } from './protocol.ts'

/** One DuckDB for one statement: it can reach exactly what it was given, and is thrown away afterwards. */
export interface Sandbox {
  readonly connection: DuckDBConnection
  close(): void
}

export interface CopyTarget {
  readonly folder: string
  /** Of several threads each would begin files of its own. */
  readonly isOrdered: boolean
}

/** Keeps some instances ready, because making one takes about 20 ms. */
export class Instances {
  readonly #settings: ChildSettings
  readonly #spare: Promise<DuckDBInstance>[] = []
  #created = 0

  constructor(settings: ChildSettings) {
    this.#settings = settings
    this.#refill()
  }

  /** @param copy where the only files that can be written lie; `statement.files` are the only paths that can be read */
  async sandbox({ files, share }: WireStatement, copy?: CopyTarget): Promise<Sandbox> {
    const instance = await (this.#spare.shift() ?? this.#create())
    const connection = await instance.connect()
    const list = (paths: readonly string[]): string => `[${paths.map(quoteLiteral).join(', ')}]`
    const folders = copy === undefined ? [] : [copy.folder]
    await connection.run(`
      SET TimeZone = 'UTC';
      SET memory_limit = '${kibibytes(share.memoryBytes)}';
      SET max_temp_directory_size = '${kibibytes(share.spillBytes)}';
      SET preserve_insertion_order = ${copy === undefined || copy.isOrdered};
      ${copy?.isOrdered ? 'SET threads = 1;' : ''}
      SET enable_progress_bar = true;
      SET enable_progress_bar_print = false;
      SET progress_bar_time = 0;
      SET allowed_paths = ${list([...files, ...folders])};
      SET allowed_directories = ${list(folders)};
      SET enable_external_access = false;
      SET lock_configuration = true;
    `)
    return {
      connection,
      close: () => {
        connection.closeSync()
        instance.closeSync()
        this.#refill() // Now, and not while the statement needs the cores.
      },
    }
  }

  #refill(): void {
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
    })
    const connection = await instance.connect()
    registerNatives(connection)
    connection.closeSync()
    return instance
  }
}

function kibibytes(bytes: number): string {
  return `${Math.max(1, Math.floor(bytes / 1024))}KiB`
}
