import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { quoteLiteral } from '#base/sql-text.ts'
import type { ChildSettings } from './protocol.ts'

/** One DuckDB for one statement: it can reach exactly what it was given, and is thrown away afterwards. */
export interface Sandbox {
  readonly connection: DuckDBConnection
  close(): void
}

/** Keeps some instances ready, because making one takes about 20 ms. */
export class Instances {
  readonly #settings: ChildSettings
  readonly #spare: Promise<DuckDBInstance>[] = []

  constructor(settings: ChildSettings) {
    this.#settings = settings
    this.#refill()
  }

  /** @param files the only paths that can be read; @param folder the only folder that can be written */
  async sandbox(files: readonly string[], folder?: string): Promise<Sandbox> {
    const instance = await (this.#spare.shift() ?? this.#create())
    this.#refill()
    const connection = await instance.connect()
    const list = (paths: readonly string[]): string => `[${paths.map(quoteLiteral).join(', ')}]`
    await connection.run(`
      SET TimeZone = 'UTC';
      SET allowed_paths = ${list(files)};
      SET allowed_directories = ${list(folder === undefined ? [] : [folder])};
      SET enable_external_access = false;
      SET lock_configuration = true;
    `)
    return {
      connection,
      close: () => {
        connection.closeSync()
        instance.closeSync()
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

  #create(): Promise<DuckDBInstance> {
    return DuckDBInstance.create(':memory:', {
      threads: String(this.#settings.threads),
      memory_limit: `${Math.floor(this.#settings.memoryBytes / 1024)}KiB`,
      temp_directory: this.#settings.scratchFolder,
      max_temp_directory_size: `${Math.floor(this.#settings.spillBytesMax / 1024)}KiB`,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
  }
}
