import { must } from '#base/assert.ts'
import { quoteSparkIdentifier } from '#base/spark-text.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { sparkType } from '#types/spark-type.ts'
import type { EngineStatement, FieldIds, FileTable } from '../engine.ts'
import type { Relation } from './messages.ts'
import { isReadAs } from './spark-types.ts'

/** A statement as Spark takes it: its text, and beside it the tables that the text names. */
export function relationOf({ sql, tables = [] }: Pick<EngineStatement, 'sql' | 'tables'>): Relation {
  const root: Relation = { sql: { query: sql } }
  if (tables.length === 0) return root
  return { withRelations: { root, references: tables.map(tableRelation) } }
}

/** The statement with a conversion around it, if any of its columns is not of the type wanted. */
export function castStatement<T extends Pick<EngineStatement, 'sql'>>(
  statement: T,
  { found, wanted }: { readonly found: readonly Field[]; readonly wanted: readonly Field[] },
): T {
  const isWanted = (type: DataType, index: number): boolean => {
    const own = found[index]
    return own !== undefined && (type.kind === 'void' || isReadAs(own.type, type))
  }
  if (wanted.every(({ type }, index) => isWanted(type, index))) return statement
  const names = wanted.map((_, index) => quoteSparkIdentifier(`column ${index}`))
  const items = wanted.map(({ type }, index) =>
    isWanted(type, index) ? names[index] : `CAST(${names[index]} AS ${sparkType(type)})`,
  )
  const sql = `SELECT ${items.join(', ')} FROM (${statement.sql}\n) AS query(${names.join(', ')})`
  return { ...statement, sql }
}

function tableRelation({ name, files, columns, fieldIds }: FileTable): Relation {
  const input: Relation = {
    read: {
      dataSource: {
        format: 'parquet',
        schema: JSON.stringify(structJson(columns, fieldIds)),
        options: {
          // Days and times are as they are written: no file here is of an engine with another calendar.
          datetimeRebaseMode: 'CORRECTED',
          int96RebaseMode: 'CORRECTED',
        },
        paths: files.map(pathText),
      },
    },
  }
  return { subqueryAlias: { input, alias: name } }
}

/** Hadoop's paths are patterns, and no URLs: what means something in a pattern is escaped, and nothing else. */
function pathText(path: string): string {
  return `file://${path.replaceAll(/[[\]{}*?\\]/g, String.raw`\$&`)}`
}

function structJson(fields: readonly Field[], ids: FieldIds): object {
  return {
    type: 'struct',
    fields: fields.map(({ name, type }) => {
      const own = must(ids[name], `a field id of ${name}`)
      return {
        name,
        type: typeJson(type, own.fields ?? {}),
        nullable: true,
        metadata: { 'parquet.field.id': own.id },
      }
    }),
  }
}

/** The type as Spark's JSON writes it, with the ids that Parquet's columns have. */
function typeJson(type: DataType, ids: FieldIds): unknown {
  const within = (name: string): FieldIds => ids[name]?.fields ?? {}
  switch (type.kind) {
    case 'struct':
      return structJson(type.fields, ids)
    case 'array':
      return { type: 'array', elementType: typeJson(type.element, within('element')), containsNull: true }
    case 'map':
      return {
        type: 'map',
        keyType: typeJson(type.key, within('key')),
        valueType: typeJson(type.value, within('value')),
        valueContainsNull: true,
      }
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    default:
      return type.kind
  }
}
