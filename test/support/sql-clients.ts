import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Product } from './product.ts'

/** Real clients of the PostgreSQL door, as the home's own login. */
export interface SqlClients {
  /** The work with a client that is ended after it. */
  connected<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T>
}

export function sqlClients(product: Product, home: string): SqlClients {
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  const [host = '', port = ''] = product.postgres.split(':')
  const ca = readFileSync(join(home, 'tls', 'loopback.crt'), 'utf8')
  return {
    async connected(database, work) {
      const client = new pg.Client({
        host,
        port: Number(port),
        user: sqlUser,
        password: sqlPassword,
        database,
        ssl: { ca, checkServerIdentity: () => undefined },
      })
      await client.connect()
      try {
        return await work(client)
      } finally {
        await client.end()
      }
    },
  }
}
