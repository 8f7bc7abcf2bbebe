import { must } from '#base/assert.ts'
import { quoteSparkIdentifier } from '#base/spark-text.ts'
import type { FileTable } from '#engine/engine.ts'
import type { ScanPart, ScanParts } from '#lake/scan-parts.ts'
import { sameType, type Field } from '#types/data-type.ts'
import { sparkType } from '#types/spark-type.ts'

/** A scan as Spark takes it: a parenthesised query, and the files behind the names in it. */
export interface SparkScan {
  readonly text: string
  readonly tables: readonly FileTable[]
}

const systemMetadata = '_acp_system_metadata'
/** Above every id that Iceberg allows to a user's column: no file has it. */
const idOfNone = 2_147_483_647
const none: Field = { name: 'none', type: { kind: 'boolean' } }

/** @param name what the statement's text calls it; no other scan's name begins so */
export function sparkScan(parts: ScanParts, name: string): SparkScan {
  const { columns, groups } = parts
  if (groups.length === 0) {
    const nulls = columns.map(
      ({ name, type }) => `CAST(NULL AS ${sparkType(type)}) AS ${quoteSparkIdentifier(name)}`,
    )
    return { text: `(SELECT ${nulls.join(', ') || 'true'} WHERE false)`, tables: [] }
  }
  const named = groups.map((group, index) => ({ group, name: `${name}_${index + 1}` }))
  return {
    text: `(${named.map(({ group, name }) => groupText(parts, group, name)).join(' UNION ALL ')})`,
    tables: named.map(({ group, name }) => fileTable(parts, group, name)),
  }
}

function groupText(parts: ScanParts, { ingestedAfterMs }: ScanPart, table: string): string {
  const items = parts.columns.map(({ name, type }) => {
    const column = quoteSparkIdentifier(name)
    const isSame = sameType(storedField(parts, name).type, type)
    return isSame ? column : `CAST(${column} AS ${sparkType(type)}) AS ${column}`
  })
  const ingestTime = `${quoteSparkIdentifier(systemMetadata)}.ingestTime`
  const where =
    ingestedAfterMs === undefined ? '' : ` WHERE coalesce(${ingestTime} > ${ingestedAfterMs}, true)`
  return `SELECT ${items.join(', ') || 'true'} FROM ${quoteSparkIdentifier(table)}${where}`
}

function fileTable(parts: ScanParts, { paths, ingestedAfterMs }: ScanPart, name: string): FileTable {
  const names = new Set(parts.columns.map((column) => column.name))
  if (ingestedAfterMs !== undefined) names.add(systemMetadata)
  // Asking for a column that no file has is the way to read none.
  if (names.size === 0) {
    return { name, files: paths, columns: [none], fieldIds: { [none.name]: { id: idOfNone } } }
  }
  const columns = [...names].map((column) => storedField(parts, column))
  return { name, files: paths, columns, fieldIds: parts.fieldIds }
}

function storedField({ stored }: ScanParts, name: string): Field {
  return must(
    stored.find((field) => field.name === name),
    `files of the table have the column ${name}`,
  )
}
