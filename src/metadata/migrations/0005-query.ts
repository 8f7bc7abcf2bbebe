import type { Kysely } from 'kysely'

// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(_db: Kysely<any>): Promise<void> {}
