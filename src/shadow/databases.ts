import type { Logger } from '#base/log.ts'
import { ShadowConnection } from './connection.ts'
import { definitionsOf, fingerprintOf } from './definitions.ts'
import type { ShadowServer } from './server.ts'
import type { Shown } from './shadow.ts'
import { askerRole } from './template.ts'

/** Distinct sets of tables that are kept; of more, the one not asked for longest goes. */
const databasesMax = 32
/** Connections that wait for the next question, of one database. */
const idleMax = 2

interface Database {
  readonly name: string
  readonly made: Promise<void>
  readonly idle: ShadowConnection[]
  userCount: number
}

/** One database for each distinct set of tables somebody may see. */
export class Databases implements AsyncDisposable {
  readonly #server: ShadowServer
  readonly #logger: Logger
  /** In order of their last use. */
  readonly #databases = new Map<string, Database>()

  constructor(server: ShadowServer, logger: Logger) {
    this.#server = server
    this.#logger = logger
  }

  /** The work with a connection to the database that shows exactly this. */
  async connected<T>(shown: Shown, work: (connection: ShadowConnection) => Promise<T>): Promise<T> {
    const database = this.#database(shown)
    database.userCount += 1
    try {
      await database.made
      const idle = database.idle.pop()
      const connection = idle?.isOpen
        ? idle
        : await ShadowConnection.open(this.#server.socket, askerRole, database.name)
      try {
        return await work(connection)
      } finally {
        if (connection.isOpen && database.idle.length < idleMax) database.idle.push(connection)
        else connection.close()
      }
    } finally {
      database.userCount -= 1
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { idle } of this.#databases.values()) for (const connection of idle) connection.close()
    this.#databases.clear()
  }

  #database(shown: Shown): Database {
    const key = fingerprintOf(shown)
    const known = this.#databases.get(key)
    if (known) {
      this.#databases.delete(key)
      this.#databases.set(key, known)
      return known
    }
    this.#forgetOldest()
    const name = `shown_${key}`
    const database: Database = {
      name,
      made: this.#server.make(name, definitionsOf(shown)),
      idle: [],
      userCount: 0,
    }
    this.#databases.set(key, database)
    // One that could not be made is tried again by the next question; this one's waiters hear why.
    database.made.catch(() => this.#databases.delete(key))
    return database
  }

  #forgetOldest(): void {
    if (this.#databases.size < databasesMax) return
    const oldest = [...this.#databases].find(([, { userCount }]) => userCount === 0)
    if (!oldest) return
    const [key, database] = oldest
    this.#databases.delete(key)
    for (const connection of database.idle) connection.close()
    this.#server.drop(database.name).catch((error: unknown) => {
      this.#logger.log('warn', 'shadow.drop_failed', { error })
    })
  }
}
