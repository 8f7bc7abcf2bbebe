import { insertAuditSql, type NewAuditRow } from './audit.ts'
import { jsonRows } from './json-rows.ts'
import type { Db } from './metadata.ts'
import { preparedStatement } from './prepared.ts'
import { insertQueryLogSql, type NewQueryLogRow } from './query.ts'

export interface QueryRecord {
  readonly logged: NewQueryLogRow
  /** Undefined: what is not kept for good. */
  readonly audited: NewAuditRow | undefined
}

const insertBoth = preparedStatement<never>(`with audited as (${insertAuditSql}) ${insertQueryLogSql('$2')}`)

/** Log and audit of statements, all or nothing, in their order: one question and one wait for the disk. */
export async function insertQueryRecords(db: Db, records: readonly QueryRecord[]): Promise<void> {
  const audited = records.flatMap((record) => record.audited ?? [])
  await insertBoth(db, [jsonRows(audited), jsonRows(records.map(({ logged }) => logged))])
}
