import { CompiledQuery } from 'kysely'
import type { PoolClient } from 'pg'
import type { Db } from './metadata.ts'

const names = new Map<string, string>()

/**
 * A statement that each connection plans once, for those asked so often that planning is most of their work. Its text must
 * name its columns: what a plan gives may not change under it.
 */
export function preparedStatement<Row>(
  text: string,
): (db: Db, parameters: readonly unknown[]) => Promise<readonly Row[]> {
  names.set(text, `sluice_${names.size + 1}`)
  return async (db, parameters) => {
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...parameters]))
    return rows
  }
}

/** Has a connection send those statements by their names. */
export function namePrepared(client: PoolClient): void {
  const plain = client.query.bind(client) as (...given: readonly unknown[]) => unknown
  const query = (...given: readonly unknown[]): unknown => {
    const [text, values] = given
    const name = typeof text === 'string' ? names.get(text) : undefined
    return name === undefined ? plain(...given) : plain({ name, text, values })
  }
  client.query = query as PoolClient['query']
}
