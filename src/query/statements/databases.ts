import { randomUUID } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import {
  deleteDatabase,
  deleteSqlSchema,
  insertDatabase,
  insertSqlSchema,
  lockSqlSchema,
  selectDatabase,
  selectMembers,
  selectSqlSchemas,
} from '#metadata/databases.ts'
import type { Definition } from '#sql/definition.ts'
import { databaseNamed, schemaNamed } from '../names/names.ts'
import { requireGeneral } from '../names/rights.ts'
import type { Scope } from '../scope.ts'

type DefinitionOf<K extends Definition['kind']> = Extract<Definition, { readonly kind: K }>

const nameLengthMax = 63
/** Names that mean everything in a sandbox. */
const reservedNames = ['all', 'public', 'information_schema', 'pg_catalog']

export async function createDatabase(
  scope: Scope,
  { database, type, ifNotExists }: DefinitionOf<'createDatabase'>,
): Promise<void> {
  await requireGeneral(scope, ['manage-datasets'])
  const { services, caller, journal } = scope
  const { name, position } = database
  const isReserved =
    reservedNames.includes(name.toLowerCase()) || name.toLowerCase() === caller.sandbox.name.toLowerCase()
  if (isReserved || name.length > nameLengthMax) {
    throw new AppError(
      'request.invalid',
      isReserved
        ? `The name ${JSON.stringify(name)} means everything in the sandbox already.`
        : `The name of a database has up to ${nameLengthMax} characters.`,
      { position },
    )
  }
  const isNew = await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    return await insertDatabase(tx, {
      id: randomUUID(),
      sandbox_id: caller.sandbox.id,
      name,
      kind: type,
      created_at: services.clock.now(),
      created_by: caller.principal.id,
    })
  })
  if (!isNew) tellOrRefuse(scope, { what: `a database ${JSON.stringify(name)}`, ifNotExists, position })
}

export async function createSchema(
  scope: Scope,
  { schema, ifNotExists }: DefinitionOf<'createSchema'>,
): Promise<void> {
  await requireGeneral(scope, ['manage-datasets'])
  const { services, caller, journal, focus } = scope
  const { name, position } = schema
  const database = schema.database ?? (focus.kind === 'database' ? focus.database : undefined)
  if (database === undefined) {
    throw new AppError('query.syntax', 'Expected the database of the new schema.', {
      position,
      hint: `Say CREATE SCHEMA database.${name}.`,
    })
  }
  if (/^pg_|^information_schema$/i.test(name)) {
    throw new AppError(
      'request.invalid',
      `The name ${JSON.stringify(name)} belongs to PostgreSQL's own catalogue.`,
      { position },
    )
  }
  if (name.length > nameLengthMax) {
    throw new AppError('request.invalid', `The name of a schema has up to ${nameLengthMax} characters.`, {
      position,
    })
  }
  const row = await databaseNamed(scope, { name: database, position })
  const isNew = await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    return await insertSqlSchema(tx, {
      id: randomUUID(),
      sandbox_id: caller.sandbox.id,
      database_id: row.id,
      name,
      created_at: services.clock.now(),
      created_by: caller.principal.id,
    })
  })
  const what = `a schema ${JSON.stringify(name)} in the database ${JSON.stringify(row.name)}`
  if (!isNew) tellOrRefuse(scope, { what, ifNotExists, position })
}

/** A database goes only when no schema of it refers to anything. */
export async function dropDatabase(
  scope: Scope,
  { database, ifExists }: DefinitionOf<'dropDatabase'>,
): Promise<void> {
  await requireGeneral(scope, ['manage-datasets'])
  const { services, caller, journal } = scope
  const { db } = services.metadata
  const row = await selectDatabase(db, caller.sandbox.id, database.name)
  if (!row) {
    if (journal.wasBegun(scope.step)) return // An earlier attempt of this run did it.
    if (!ifExists) await databaseNamed(scope, database)
    return tellMissing(scope, `database ${JSON.stringify(database.name)}`)
  }
  await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    for (const { id } of await selectSqlSchemas(tx, caller.sandbox.id, { database: row.name })) {
      await lockSqlSchema(tx, caller.sandbox.id, id)
    }
    const [member] = await selectMembers(tx, caller.sandbox.id, { database: row.name })
    if (member) {
      throw new AppError(
        'schema.in_use',
        `The database ${JSON.stringify(row.name)} still has tables or views in it.`,
        { position: database.position, hint: 'Drop what is in it first, or its schemas with CASCADE.' },
      )
    }
    await deleteDatabase(tx, caller.sandbox.id, row.id)
  })
}

/** Datasets stay: what a schema has are references. */
export async function dropSchema(
  scope: Scope,
  { schema, ifExists, cascades }: DefinitionOf<'dropSchema'>,
): Promise<void> {
  await requireGeneral(scope, ['manage-datasets'])
  const { services, caller, journal, focus } = scope
  const database = schema.database ?? (focus.kind === 'database' ? focus.database : undefined)
  const [row] =
    database === undefined
      ? []
      : await selectSqlSchemas(services.metadata.db, caller.sandbox.id, { database, name: schema.name })
  if (!row) {
    if (journal.wasBegun(scope.step)) return // An earlier attempt of this run did it.
    if (!ifExists) await schemaNamed(scope, schema)
    return tellMissing(scope, `schema ${JSON.stringify(schema.name)}`)
  }
  await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    await lockSqlSchema(tx, caller.sandbox.id, row.id)
    const [member] = cascades
      ? []
      : await selectMembers(tx, caller.sandbox.id, { database: row.database, schema: row.name })
    if (member) {
      throw new AppError(
        'schema.in_use',
        `The schema ${row.database}.${row.name} still has tables or views in it.`,
        { position: schema.position, hint: 'Say CASCADE to take everything out of it; no data are deleted.' },
      )
    }
    await deleteSqlSchema(tx, caller.sandbox.id, row.id)
  })
}

function tellOrRefuse(
  { notice, journal, step }: Scope,
  given: {
    readonly what: string
    readonly ifNotExists: boolean
    readonly position: DefinitionOf<'createDatabase'>['database']['position']
  },
): void {
  const { what, ifNotExists, position } = given
  if (journal.wasBegun(step)) return // An earlier attempt of this run made it.
  if (!ifNotExists) {
    throw new AppError('admin.exists', `There is ${what} already.`, {
      position,
      hint: 'Choose another name.',
    })
  }
  notice(`There is ${what} already; nothing was done.`)
}

function tellMissing({ notice }: Scope, what: string): void {
  notice(`There is no ${what}; nothing was done.`)
}
