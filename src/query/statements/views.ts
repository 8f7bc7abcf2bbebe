import { randomUUID } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import {
  deleteView,
  insertView,
  selectTakenViewNames,
  selectView,
  selectViews,
  updateView,
  type ViewRow,
} from '#metadata/views.ts'
import type { ParsedQuery, TableName } from '#sql/compile.ts'
import { selectMembers } from '#metadata/databases.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { loadCatalogue, viewQuery } from '../names/catalogue.ts'
import { suggested } from '../names/did-you-mean.ts'
import { findTable, findView } from '../names/find-table.ts'
import { addMember, refuseReferenced, removeMember } from '../names/memberships.ts'
import { locate, type Target, targetOf } from '../names/names.ts'
import { viewColumns } from '../rows/plan-query.ts'
import { requireGeneral } from '../names/rights.ts'
import type { Scope } from '../scope.ts'
import type { StatementOf } from '../query.ts'

/** Stores a query under a name. Who reads the view needs the rights to its tables. */
export async function createView(scope: Scope, statement: StatementOf<'createView'>): Promise<void> {
  const { view, query, sql, orReplace, ifNotExists } = statement
  const { services, caller } = scope
  await requireGeneral(scope, ['manage-datasets'])
  const target = await targetOf(scope, view)
  const { name } = target
  if (query.variables.length > 0 || query.parameterCount > 0) {
    throw new AppError('query.unsupported', 'A view has neither variables nor parameters.', {
      position: query.position,
    })
  }
  const existing = await existingView(scope, target, view)
  // An earlier attempt of this run made it.
  if (existing && scope.journal.wasBegun(scope.step) && existing.sql === sql) return
  if (existing && !orReplace) {
    if (!ifNotExists) throw nameTaken(name).at(view.position)
    scope.notice(`There is a view ${JSON.stringify(name)} already; nothing was done.`)
    return
  }
  // Binds it, so that a view that cannot be read is not made.
  await viewColumns(scope, query)
  await refuseBareMembers(scope, query)
  refuseCircle(await loadCatalogue(scope, query.tables), existing?.name ?? name)
  const now = services.clock.now()
  const isDone = await services.metadata.transaction(async (tx) => {
    await scope.journal.assertHeld(tx)
    if (existing) {
      await updateView(tx, existing.id, { sql, updated_at: now, principal_id: caller.principal.id })
      await record(scope, tx, { action: 'update', id: existing.id })
      return true
    }
    const id = randomUUID()
    const isNew = await insertView(tx, {
      id,
      sandbox_id: caller.sandbox.id,
      principal_id: caller.principal.id,
      name: target.schema ? await freeName(tx, scope, name) : name,
      sql,
      created_at: now,
      updated_at: now,
    })
    if (!isNew) return false
    await record(scope, tx, { action: 'create', id })
    if (target.schema)
      await addMember(scope, tx, { schema: target.schema, name, asset: { viewId: id }, isHome: true })
    return true
  })
  // Somebody else made it meanwhile.
  if (!isDone) await createView(scope, statement)
}

export async function dropView(scope: Scope, { view, ifExists }: StatementOf<'dropView'>): Promise<void> {
  const { services } = scope
  await requireGeneral(scope, ['manage-datasets'])
  const name = view.parts.join('.')
  const row = await findView(scope, view.parts)
  if (!row) {
    // A run that is tried again finds it gone already.
    if (scope.journal.wasBegun(scope.step)) return
    if (!ifExists) {
      throw new AppError('query.unknown_table', `There is no view ${JSON.stringify(name)}.`, {
        position: view.position,
        hint: suggested(view.parts.at(-1) ?? '', await viewNames(scope)) ?? 'See them with SHOW VIEWS.',
      })
    }
    scope.notice(`There is no view ${JSON.stringify(name)}; nothing was done.`)
    return
  }
  const place = await locate(scope, view.parts)
  const asset = { viewId: row.id }
  if (place?.kind !== 'member') await refuseReferenced(scope, asset, name)
  await services.metadata.transaction(async (tx) => {
    await scope.journal.assertHeld(tx)
    const isGone = place?.kind !== 'member' || (await removeMember(scope, tx, place.member, asset)) === 'last'
    if (!isGone) return
    await deleteView(tx, row.id)
    await record(scope, tx, { action: 'delete', id: row.id })
  })
}

/** Each view with the names of what it reads. */
export async function listViews(
  scope: Scope,
): Promise<
  readonly { readonly row: ViewRow; readonly tables: readonly string[]; readonly views: readonly string[] }[]
> {
  const { services, caller } = scope
  const rows = await selectViews(services.metadata.db, caller.sandbox.id)
  const names = new Set(rows.map((row) => row.name.toLowerCase()))
  return rows.map((row) => {
    const read = viewQuery(services.sql, row).tables.map(({ parts }) => parts.join('.').toLowerCase())
    return {
      row,
      tables: read.filter((name) => !names.has(name)),
      views: read.filter((name) => names.has(name)),
    }
  })
}

async function record(
  { services, caller }: Scope,
  tx: Transaction,
  { action, id }: { readonly action: string; readonly id: string },
): Promise<void> {
  const [principalId, sandboxId] = [caller.principal.id, caller.sandbox.id]
  const entry = { action, assetType: 'View', assetId: id, status: 'Allow' } as const
  await services.access.audit({ principalId, sandboxId, ...entry }, tx)
}

async function viewNames({ services, caller }: Scope): Promise<string[]> {
  return (await selectViews(services.metadata.db, caller.sandbox.id)).map((row) => row.name)
}

function refuseCircle(catalogue: { readonly viewNames: ReadonlySet<string> }, name: string): void {
  if (!catalogue.viewNames.has(name.toLowerCase())) return
  throw new AppError('query.unsupported', `The view ${JSON.stringify(name)} would read from itself.`)
}

/** The view that has the name already. @throws AppError 'dataset.exists' when a table has it */
async function existingView(
  scope: Scope,
  { name, schema }: Target,
  { position }: TableName,
): Promise<ViewRow | undefined> {
  const { db } = scope.services.metadata
  const sandboxId = scope.caller.sandbox.id
  if (!schema) {
    if (await findTable(scope, [name])) throw nameTaken(name).at(position)
    return await selectView(db, sandboxId, name)
  }
  const { database, name: schemaName } = schema
  const [member] = await selectMembers(db, sandboxId, { database, schema: schemaName, name })
  if (member && member.viewId === null) throw nameTaken(name).at(position)
  return member ? await findView(scope, [database, schemaName, name]) : undefined
}

/** A view is read from every session: what it names must not depend on where the session is. */
async function refuseBareMembers(scope: Scope, query: ParsedQuery): Promise<void> {
  for (const { parts, position } of query.tables) {
    if (parts.length > 2) continue
    const place = await locate(scope, parts)
    if (place?.kind !== 'member') continue
    const { database, schema, name } = place.member
    throw new AppError('query.unsupported', 'A view says where its tables are.', {
      position,
      hint: `Write ${database}.${schema}.${name}.`,
    })
  }
}

/** The view's own name in the sandbox, when only its schema needs it as it was said. */
async function freeName(tx: Transaction, { caller }: Scope, name: string): Promise<string> {
  const candidates = [name, ...Array.from({ length: namesTried }, (_, index) => `${name}_${index + 2}`)]
  const taken = await selectTakenViewNames(
    tx,
    caller.sandbox.id,
    candidates.map((candidate) => candidate.toLowerCase()),
  )
  const free = candidates.find((candidate) => !taken.has(candidate.toLowerCase()))
  if (free !== undefined) return free
  throw nameTaken(name)
}

const namesTried = 1_000

function nameTaken(name: string): AppError {
  return new AppError('dataset.exists', `There is a table or view ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name; a view can be changed with CREATE OR REPLACE VIEW.',
  })
}
