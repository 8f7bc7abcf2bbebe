import { sql } from 'kysely'
import type { Transaction } from './metadata.ts'

/** Until the end of the transaction nobody else who asks for the name gets it. */
export async function lockName(tx: Transaction, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx)
}
