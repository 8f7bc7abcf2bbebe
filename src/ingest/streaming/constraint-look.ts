import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import { makeFolderDurably } from '#objects/durable-files.ts'
import { integerType, longType } from '#types/data-type.ts'
import { type Check, schemaChecks, verdictSql } from '../checks.ts'
import { PreparedFile, preparedSql } from '../prepared-file.ts'
import type { TableSchema } from '../table-schema.ts'
import { fieldsReader, Misfit } from '../value-readers.ts'

/** Longer than a body of messages takes. */
const lookMs = 60_000
/** No table has a column of that name. */
const placeField = { name: '_acp_row', type: longType }

export interface ConstraintLook {
  /** Whether a table has constraints: else no row needs to be looked at. */
  isNeededFor(table: TableSchema): boolean
  /** Of each of some rows of a table, whose types fit, why its constraints refuse it. */
  reasonsOf(table: TableSchema, rows: readonly object[]): Promise<readonly (string | undefined)[]>
}

/** Asks the engine for a few rows at once what a load asks it of all of a batch. */
export function createConstraintLook({
  engine,
  folder,
}: {
  readonly engine: Engine
  readonly folder: string
}): ConstraintLook {
  const made = new WeakMap<TableSchema, readonly Check[]>()

  /** Made once for the calls of a second, which have the same table. */
  function checksOf(table: TableSchema): readonly Check[] {
    const checks = made.get(table) ?? schemaChecks(table, (name) => `source.${quoteIdentifier(name)}`)
    made.set(table, checks)
    return checks
  }

  return {
    isNeededFor: (table) => checksOf(table).length > 0,
    reasonsOf: async (table, rows) => {
      const checks = checksOf(table)
      if (checks.length === 0 || rows.length === 0) return rows.map(() => undefined)
      const read = fieldsReader(table.columns.fields, '', { required: table.required })
      const fields = [...table.columns.fields, placeField]
      const path = join(folder, `look-${randomUUID()}`)
      await makeFolderDurably(folder)
      try {
        await using prepared = await PreparedFile.create(path, fields)
        for (const [index, row] of rows.entries()) {
          const texts = read(row)
          if (!(texts instanceof Misfit)) prepared.add([...texts, String(index)])
        }
        await prepared.flush(true)
        const refused = await smallResult(
          engine,
          {
            sql: `SELECT source.${placeField.name}, ${verdictSql(checks)} AS verdict FROM (${preparedSql(prepared, fields)}) AS source WHERE verdict <> -1`,
            files: [path],
            pool: 'interactive',
          },
          {
            columns: [placeField, { name: 'verdict', type: integerType }],
            signal: AbortSignal.timeout(lookMs),
          },
        )
        const reasons = new Map(
          refused.map(([index, verdict]) => [Number(index), checks[Number(verdict)]?.reason]),
        )
        return rows.map((_, index) => reasons.get(index))
      } finally {
        await rm(path, { force: true })
      }
    },
  }
}
