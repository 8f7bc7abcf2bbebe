import { randomUUID } from 'node:crypto'
import { AppError, type TextPosition } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import {
  insertSqlSchema,
  type MemberRow,
  type SchemaRow,
  selectDatabase,
  selectDatabases,
  selectMembers,
  selectSqlSchemas,
} from '#metadata/databases.ts'
import type { TableName } from '#sql/compile.ts'
import { suggested } from './did-you-mean.ts'
import type { QueryServiceOptions } from '../services.ts'

/** The schema of a database that has said none. */
const schemaDefault = 'public'

/** What a session looks at: what its database name says. */
export type Focus =
  | { readonly kind: 'all' }
  /** One table, and nothing else can be named. */
  | { readonly kind: 'table'; readonly datasetId: DatasetId }
  /** Lists show this view alone. */
  | { readonly kind: 'view'; readonly viewId: string }
  /** Bare names are looked for here first, and new ones are made here; lists show this alone. */
  | { readonly kind: 'database'; readonly database: string; readonly schema: string | undefined }

export interface NameScope {
  readonly services: Pick<QueryServiceOptions, 'metadata' | 'clock'>
  readonly caller: Caller
  readonly focus: Focus
}

/** Where a name leads. */
export type Place =
  /** A table or view of the sandbox, by its own name. */
  | { readonly kind: 'own'; readonly name: string }
  /** What a schema refers to by this name. */
  | { readonly kind: 'member'; readonly member: MemberRow }

/**
 * `t`, `public.t` and `prod.public.t` are one table, by its own name; `d.s.t` is what the schema s of the database d
 * refers to, `d.t` is `d.public.t`, and in a session on d `s.t` and `t` are looked for in d first. Where no database is
 * called so, `s.t` is what the only schema s with a t refers to.
 */
export async function locate(scope: NameScope, parts: readonly string[]): Promise<Place | undefined> {
  const qualified = qualify(scope, parts)
  if (!qualified) return undefined
  const { name, database, schema, isOptional } = qualified
  if (database === undefined) return { kind: 'own', name }
  const { db } = scope.services.metadata
  const sandboxId = scope.caller.sandbox.id
  const [member] = await selectMembers(db, sandboxId, {
    database,
    name,
    ...(schema === undefined ? {} : { schema }),
  })
  if (member) return { kind: 'member', member }
  if (isOptional) return { kind: 'own', name }
  if (parts.length !== 2 || scope.focus.kind === 'database') return undefined
  if (await selectDatabase(db, sandboxId, database)) return undefined
  const members = await selectMembers(db, sandboxId, { schema: database, name })
  return members.length === 1 && members[0] ? { kind: 'member', member: members[0] } : undefined
}

/** Where something new of that name is to be made: in a schema, or, without one, in the sandbox alone. */
export interface Target {
  readonly name: string
  readonly schema: SchemaRow | undefined
}

/** @throws AppError 'query.unknown_database', 'query.unknown_schema' */
export async function targetOf(scope: NameScope, table: TableName): Promise<Target> {
  const qualified = qualify(scope, table.parts)
  if (!qualified) {
    throw new AppError(
      'query.syntax',
      `${table.parts.join('.')} is no name of the form database.schema.table.`,
      {
        position: table.position,
      },
    )
  }
  const { name, database, schema = schemaDefault } = qualified
  if (database === undefined) return { name, schema: undefined }
  return { name, schema: await schemaNamed(scope, { database, name: schema, position: table.position }) }
}

/** The schema of that name; `public` is there as soon as it is asked for. */
export async function schemaNamed(
  scope: NameScope,
  wanted: { readonly database: string | undefined; readonly name: string; readonly position: TextPosition },
): Promise<SchemaRow> {
  const { services, caller } = scope
  const { db } = services.metadata
  const database = wanted.database ?? ownDatabase(scope)
  if (database === undefined) {
    throw new AppError('query.unknown_schema', `There is no schema ${JSON.stringify(wanted.name)} here.`, {
      position: wanted.position,
      hint: `Say whose it is: database.${wanted.name}.`,
    })
  }
  const row = await databaseNamed(scope, { name: database, position: wanted.position })
  const find = async () => (await selectSqlSchemas(db, caller.sandbox.id, { database, name: wanted.name }))[0]
  const found = await find()
  if (found) return found
  if (wanted.name.toLowerCase() === schemaDefault) {
    await services.metadata.transaction((tx) =>
      insertSqlSchema(tx, {
        id: randomUUID(),
        sandbox_id: caller.sandbox.id,
        database_id: row.id,
        name: schemaDefault,
        created_at: services.clock.now(),
        created_by: caller.principal.id,
      }),
    )
    const made = await find()
    if (made) return made
  }
  const names = (await selectSqlSchemas(db, caller.sandbox.id, { database })).map((schema) => schema.name)
  throw new AppError(
    'query.unknown_schema',
    `There is no schema ${JSON.stringify(wanted.name)} in the database ${JSON.stringify(row.name)}.`,
    { position: wanted.position, hint: suggested(wanted.name, names) ?? 'See them with SHOW SCHEMAS.' },
  )
}

/** @throws AppError 'query.unknown_database' */
export async function databaseNamed(
  { services, caller }: NameScope,
  { name, position }: { readonly name: string; readonly position: TextPosition },
) {
  const { db } = services.metadata
  const row = await selectDatabase(db, caller.sandbox.id, name)
  if (row) return row
  const names = (await selectDatabases(db, caller.sandbox.id)).map((database) => database.name)
  throw new AppError('query.unknown_database', `There is no database ${JSON.stringify(name)}.`, {
    position,
    hint: suggested(name, names) ?? 'See them with SHOW DATABASES.',
  })
}

interface Qualified {
  readonly name: string
  readonly database: string | undefined
  /** Undefined: any of the database. */
  readonly schema: string | undefined
  /** Whether the sandbox's own tables are looked at when the database has none. */
  readonly isOptional: boolean
}

function qualify(scope: NameScope, parts: readonly string[]): Qualified | undefined {
  const [name, second, given, ...more] = parts.toReversed()
  if (name === undefined || more.length > 0) return undefined
  const third = given === undefined ? undefined : withoutSandbox(scope, given)
  const own: Qualified = { name, database: undefined, schema: undefined, isOptional: false }
  const { focus } = scope
  const isSandbox = (word: string): boolean =>
    ['all', scope.caller.sandbox.name.toLowerCase()].includes(word.toLowerCase())
  const isPlain = (word: string): boolean => isSandbox(word) || word.toLowerCase() === schemaDefault
  if (third !== undefined && second !== undefined) {
    if (!isSandbox(third)) return { ...own, database: third, schema: second }
    return isPlain(second) ? own : { ...own, database: second, schema: schemaDefault }
  }
  if (second === undefined) {
    if (focus.kind !== 'database') return own
    return { name, database: focus.database, schema: focus.schema, isOptional: true }
  }
  if (
    focus.kind === 'database' &&
    !isSandbox(second) &&
    second.toLowerCase() !== focus.database.toLowerCase()
  ) {
    return {
      name,
      database: focus.database,
      schema: second,
      isOptional: second.toLowerCase() === schemaDefault,
    }
  }
  return isPlain(second) ? own : { ...own, database: second, schema: schemaDefault }
}

/** Clients that know a database as `prod:sales`, because they connected to it so, put that before its schemas too. */
function withoutSandbox({ focus, caller }: NameScope, word: string): string {
  const { name } = caller.sandbox
  if (!word.toLowerCase().startsWith(`${name}:`.toLowerCase())) return word
  const [database = ''] = word.slice(name.length + 1).split('.')
  return focus.kind === 'table' || focus.kind === 'view' ? name : database
}

function ownDatabase({ focus }: NameScope): string | undefined {
  return focus.kind === 'database' ? focus.database : undefined
}
