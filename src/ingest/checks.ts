import type { Engine } from '#engine/engine.ts'
import { resultRows, smallResult } from '#engine/small-result.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { constraintChecks, identityChecks, type RowCheck } from '#datasets/row-checks.ts'
import { integerType, longType, stringType } from '#types/data-type.ts'
import { ingestCodes } from './ingest-failure.ts'
import type { RejectLog } from './rejects.ts'
import type { TableSchema } from './table-schema.ts'

/** What a row must not be, and the code that clients know it by. */
export interface Check extends RowCheck {
  readonly code: string
}

/** What a schema asks of rows beyond types and required fields. */
export function schemaChecks(
  { columns, constraints, identity }: TableSchema,
  sqlOf: (name: string) => string,
): Check[] {
  return [
    ...constraintChecks(constraints, columns, sqlOf).map((check) => ({
      ...check,
      code: ingestCodes.corruptRow,
    })),
    ...identityChecks(identity, columns, sqlOf).map((check) => ({
      ...check,
      code: ingestCodes.requiredMissing,
    })),
  ]
}

interface RowsToJudge {
  /** `FROM …`: for counting. */
  readonly from: string
  /** For telling which rows are refused: expressions over another `FROM`. `file` counts from 1. */
  readonly places: {
    readonly from: string
    readonly file: string
    readonly row: string
    readonly record: string
  }
  readonly fileNames: readonly string[]
  /** What the statements read. */
  readonly paths: readonly string[]
}

/** Tells rows to keep: -1 for those, else the number of the first check that they fail. */
export function verdictSql(checks: readonly Check[]): string {
  return `CASE ${checks.map(({ sql }, index) => `WHEN ${sql} THEN ${index}`).join(' ')} ELSE -1 END`
}

/** Counts the refused rows by reason and keeps the first of them. @returns how many are good */
export async function judgeRows(
  { from, places, fileNames, paths }: RowsToJudge,
  options: {
    readonly checks: readonly Check[]
    readonly rejects: RejectLog
    readonly engine: Engine
    readonly signal: AbortSignal
  },
): Promise<number> {
  const { checks, rejects, engine, signal } = options
  const verdict = verdictSql(checks)
  const statement = (sql: string) => ({ sql, files: paths, pool: 'batch' as const })
  const counts = await smallResult(
    engine,
    statement(`SELECT ${verdict} AS verdict, count(*) AS n ${from} GROUP BY 1`),
    {
      columns: [
        { name: 'verdict', type: integerType },
        { name: 'n', type: longType },
      ],
      signal,
    },
  )
  let goodCount = 0
  let refusedCount = 0
  for (const [index, n] of counts) {
    const check = checks[Number(index)]
    if (!check) goodCount += Number(n)
    else {
      refusedCount += Number(n)
      rejects.addCount(check.code, Number(n))
    }
  }
  if (refusedCount === 0 || rejects.room === 0) return goodCount
  const limit = Number.isFinite(rejects.room) ? ` LIMIT ${rejects.room}` : ''
  const rows = resultRows(
    engine,
    statement(
      `SELECT ${places.file} AS file, ${places.row} AS row, ${verdict} AS verdict, ${places.record} AS record ${places.from} WHERE ${verdict} <> -1 ORDER BY 1, 2${limit}`,
    ),
    {
      columns: [
        { name: 'file', type: integerType },
        { name: 'row', type: longType },
        { name: 'verdict', type: integerType },
        { name: 'record', type: stringType },
      ],
      signal,
    },
  )
  for await (const some of rows) {
    for (const [file, row, index, record] of some) {
      const check = checks[Number(index)]
      if (!check) continue
      const fileName = fileNames[Number(file) - 1] ?? ''
      rejects.keep({
        fileName,
        row: Number(row),
        code: check.code,
        reason: check.reason,
        record: String(record),
      })
    }
    await rejects.flush()
  }
  return goodCount
}

export function recordSql(names: readonly string[]): string {
  const fields = names.map((name) => `${quoteIdentifier(name)} := source.${quoteIdentifier(name)}`)
  return `CAST(to_json(struct_pack(${fields.join(', ')})) AS VARCHAR)`
}
