import { createHash } from 'node:crypto'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { DataType, Field } from '#types/data-type.ts'
import type { Shown, ShownTable } from './shadow.ts'

/** PostgreSQL cuts longer names off, in bytes. */
const nameBytesMax = 63
/** Of one table or type. */
const columnsMax = 1_600

/** PostgreSQL has these in every table. */
const systemColumns = ['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']
const ownTypes = ['anyarray', 'anymap']

/** The same for two who see the same. */
export function fingerprintOf(shown: Shown): string {
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32)
}

/** Texts that make empty tables and views of everything that is shown, each text for one thing. */
export function definitionsOf({ schemas, tables }: Shown): string[] {
  const others = schemas.filter((schema) => schema !== 'public')
  const names = new Map(schemas.map((schema) => [schema, new FreeNames(ownTypes)]))
  const own = tables.map((table) => ({
    table,
    name: names.get(table.schema)?.take(table.name) ?? table.name,
  }))
  return [
    ...others
      .map((schema) => quoteIdentifier(schema))
      .map(
        (name) => `CREATE SCHEMA ${name} AUTHORIZATION postgres; GRANT USAGE ON SCHEMA ${name} TO PUBLIC;`,
      ),
    'SET ROLE postgres;',
    ...own.map(({ table, name }) =>
      definitionOf(table, name, names.get(table.schema) ?? new FreeNames(ownTypes)).join('\n'),
    ),
    'RESET ROLE;',
  ]
}

function definitionOf(table: ShownTable, name: string, names: FreeNames): string[] {
  const types: string[] = []
  const maker = new TypeMaker(table.schema, names, types)
  const columns = named(table.columns, table.definition === undefined ? systemColumns : []).map(
    ([column, type]) => [quoteIdentifier(column), maker.nameOf(type, `${name}_${column}`)] as const,
  )
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(name)}`
  if (table.definition === undefined) {
    return [
      ...types,
      `CREATE TABLE ${target} (${columns.map((column) => column.join(' ')).join(', ')});`,
      ...comment('TABLE', target, table.comment),
    ]
  }
  const values = columns.map(([column, type]) => `NULL::${type} AS ${column}`)
  return [
    ...types,
    `CREATE VIEW ${target} AS SELECT ${values.join(', ')};`,
    // What pg_get_viewdef is to show.
    ...comment('VIEW', target, table.comment),
    `INSERT INTO information_schema._view_texts VALUES (${quoteLiteral(target)}::regclass, ${quoteLiteral(table.definition.replaceAll('\0', ''))});`,
  ]
}

function comment(kind: string, target: string, text: string): string[] {
  return text === '' ? [] : [`COMMENT ON ${kind} ${target} IS ${quoteLiteral(text.replaceAll('\0', ''))};`]
}

/** Structs become composite types called after the column they are of; those of arrays end in `_e`. */
class TypeMaker {
  readonly #schema: string
  readonly #names: FreeNames
  readonly #made: string[]

  constructor(schema: string, names: FreeNames, made: string[]) {
    this.#schema = schema
    this.#names = names
    this.#made = made
  }

  nameOf(type: DataType, path: string): string {
    switch (type.kind) {
      case 'struct': {
        const fields = named(type.fields).map(
          ([field, fieldType]) => `${quoteIdentifier(field)} ${this.nameOf(fieldType, `${path}_${field}`)}`,
        )
        const name = `${quoteIdentifier(this.#schema)}.${quoteIdentifier(this.#names.take(path.replaceAll('.', '_')))}`
        this.#made.push(`CREATE TYPE ${name} AS (${fields.join(', ')});`)
        return name
      }
      case 'array':
        return type.element.kind === 'struct'
          ? `${this.nameOf(type.element, `${path}_e`)}[]`
          : 'public.anyarray'
      case 'map':
        return 'public.anymap'
      case 'decimal':
        return `numeric(${type.precision},${type.scale})`
      default:
        return primitives[type.kind]
    }
  }
}

const primitives = {
  boolean: 'boolean',
  byte: 'smallint',
  short: 'smallint',
  integer: 'integer',
  long: 'bigint',
  float: 'real',
  double: 'double precision',
  string: 'text',
  binary: 'bytea',
  date: 'date',
  timestamp: 'timestamptz',
  timestamp_ntz: 'timestamp',
  interval: 'interval',
  void: 'text',
} as const

/** As many as PostgreSQL takes, each by a name it has whole and once. */
function named(fields: readonly Field[], taken: readonly string[] = []): [string, DataType][] {
  const names = new FreeNames(taken)
  return fields.slice(0, columnsMax).map(({ name, type }) => [names.take(name), type])
}

/** Names of one place: all in lower case, too long ones are cut, taken ones get a number. */
class FreeNames {
  readonly #taken: Set<string>

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken)
  }

  take(given: string): string {
    const wanted = given.toLowerCase()
    for (let count = 1; ; count++) {
      const name = count === 1 ? cut(wanted, nameBytesMax) : `${cut(wanted, nameBytesMax - 7)}_${count}`
      // An array type of ours is called `_name` by PostgreSQL, which finds another name when that one is taken.
      if (name === '' || this.#taken.has(name)) continue
      this.#taken.add(name)
      return name
    }
  }
}

function cut(name: string, bytesMax: number): string {
  const text = name.replaceAll('\0', '') || '_'
  if (Buffer.byteLength(text) <= bytesMax) return text
  const characters = Array.from(text)
  while (Buffer.byteLength(characters.join('')) > bytesMax) characters.pop()
  return characters.join('')
}
