import type { Engine } from '#engine/engine.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { Constraints } from '#types/constraints.ts'
import type { StructType } from '#types/data-type.ts'
import { enginePattern } from '#types/engine-pattern.ts'
import { integerType, longType, stringType } from '#types/data-type.ts'
import { smallResult } from './engine-rows.ts'
import { ingestCodes, shortened, shownValue } from './ingest-failure.ts'
import type { RejectLog } from './rejects.ts'

/** What a row must not be: a condition over it, true for rows that are refused. */
export interface Check {
  readonly sql: string
  readonly code: string
  readonly reason: string
}

/** A field inside of columns; NULL below a parent that is missing. */
export function fieldSql(column: string, path: readonly string[]): string {
  return path.slice(1).reduce((sql, name) => `struct_extract(${sql}, ${quoteLiteral(name)})`, `(${column})`)
}

/**
 * What a schema asks of values, looked at by the engine: it goes through a column at once, and matches patterns in time
 * linear in the text.
 * @param sqlOf a column of the table, by name
 */
export function constraintChecks(
  constraints: readonly Constraints[],
  columns: StructType,
  sqlOf: (name: string) => string,
): Check[] {
  return constraints.flatMap(({ path, ...asked }) => {
    const [name = ''] = path
    // Another engine may have renamed it.
    if (!columns.fields.some((field) => field.name === name)) return []
    const value = fieldSql(sqlOf(name), path)
    const field = `the field ${shownValue(path.join('.'))}`
    return conditions(value, asked).map(([sql, what]) => ({
      sql: `(${sql})`,
      code: ingestCodes.corruptRow,
      reason: `${field} ${what}`,
    }))
  })
}

function conditions(value: string, asked: Omit<Constraints, 'path'>): [sql: string, what: string][] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength } = asked
  const out: [string, string][] = []
  const add = (limit: number | undefined, sql: string, what: string): void => {
    if (limit !== undefined) out.push([`${sql} ${limit}`, `${what} ${limit}`])
  }
  add(minimum, `${value} <`, 'is less than')
  add(maximum, `${value} >`, 'is more than')
  add(exclusiveMinimum, `${value} <=`, 'is not more than')
  add(exclusiveMaximum, `${value} >=`, 'is not less than')
  add(minLength, `length(${value}) <`, 'has fewer characters than')
  add(maxLength, `length(${value}) >`, 'has more characters than')
  if (asked.pattern !== undefined) {
    const engine = enginePattern(asked.pattern)
    if ('pattern' in engine) {
      out.push([
        `NOT regexp_matches(${value}, ${quoteLiteral(engine.pattern)})`,
        `does not match the pattern ${shownValue(asked.pattern)}`,
      ])
    }
  }
  if (asked.enum) {
    const list = asked.enum.map((allowed) =>
      typeof allowed === 'string' ? quoteLiteral(allowed) : String(allowed),
    )
    out.push([
      `${value} NOT IN (${list.join(', ')})`,
      `is none of ${shortened(JSON.stringify(asked.enum), 200)}`,
    ])
  }
  return out
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
  const rows = await smallResult(
    engine,
    statement(
      `SELECT ${places.file} AS file, ${places.row} AS row, ${verdict} AS verdict, ${places.record} AS record ${places.from} WHERE ${verdict} <> -1 ORDER BY 1, 2 LIMIT ${rejects.room}`,
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
  for (const [file, row, index, record] of rows) {
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
  return goodCount
}

export function recordSql(names: readonly string[]): string {
  const fields = names.map((name) => `${quoteIdentifier(name)} := source.${quoteIdentifier(name)}`)
  return `CAST(to_json(struct_pack(${fields.join(', ')})) AS VARCHAR)`
}
