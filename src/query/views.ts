import { randomUUID } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { deleteView, insertView, selectView, selectViews, updateView, type ViewRow } from '#metadata/views.ts'
import { findTable, loadCatalogue, localName, viewQuery } from './catalogue.ts'
import { describeQuery } from './plan-query.ts'
import type { Statement } from './query.ts'
import { requireGeneral } from './rights.ts'
import type { Scope } from './scope.ts'

type StatementOf<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>

/** Stores a query under a name. Who reads the view needs the rights to its tables. */
export async function createView(scope: Scope, statement: StatementOf<'createView'>): Promise<void> {
  const { view, query, sql, orReplace, ifNotExists } = statement
  const { services, caller } = scope
  await requireGeneral(scope, ['manage-datasets'])
  const name = nameOf(scope, view.parts)
  if (query.variables.length > 0 || query.parameterCount > 0) {
    throw new AppError('query.unsupported', 'A view has neither variables nor parameters.', {
      position: query.position,
    })
  }
  if (await findTable(scope, view.parts)) throw nameTaken(name)
  const existing = await selectView(services.metadata.db, caller.sandbox.id, name)
  if (existing && !orReplace) {
    if (!ifNotExists) throw nameTaken(name)
    scope.notice(`There is a view ${JSON.stringify(name)} already; nothing was done.`)
    return
  }
  // Binds it, so that a view that cannot be read is not made.
  await describeQuery(scope, query, [])
  refuseCircle(await loadCatalogue(scope, query.tables), name)
  const now = services.clock.now()
  await services.metadata.transaction(async (tx) => {
    await scope.journal.assertHeld(tx)
    if (existing) {
      await updateView(tx, existing.id, { sql, updated_at: now, principal_id: caller.principal.id })
      await record(scope, tx, { action: 'update', id: existing.id })
      return
    }
    const row = { name, sql, sandbox_id: caller.sandbox.id, principal_id: caller.principal.id }
    const id = randomUUID()
    const isNew = await insertView(tx, { ...row, id, created_at: now, updated_at: now })
    if (!isNew) throw nameTaken(name)
    await record(scope, tx, { action: 'create', id })
  })
}

export async function dropView(scope: Scope, { view, ifExists }: StatementOf<'dropView'>): Promise<void> {
  const { services, caller } = scope
  await requireGeneral(scope, ['manage-datasets'])
  const name = nameOf(scope, view.parts)
  const row = await selectView(services.metadata.db, caller.sandbox.id, name)
  if (!row) {
    // A run that is tried again finds it gone already.
    if (scope.journal.mark) return
    if (!ifExists) {
      throw new AppError('query.unknown_table', `There is no view ${JSON.stringify(name)}.`, {
        position: view.position,
        hint: 'See them with SHOW VIEWS.',
      })
    }
    scope.notice(`There is no view ${JSON.stringify(name)}; nothing was done.`)
    return
  }
  await services.metadata.transaction(async (tx) => {
    await scope.journal.assertHeld(tx)
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

function refuseCircle(catalogue: { readonly viewNames: ReadonlySet<string> }, name: string): void {
  if (!catalogue.viewNames.has(name.toLowerCase())) return
  throw new AppError('query.unsupported', `The view ${JSON.stringify(name)} would read from itself.`)
}

function nameOf(scope: Scope, parts: readonly string[]): string {
  const name = localName(parts, scope.caller.sandbox.name)
  if (name !== undefined) return name
  throw new AppError('query.unknown_database', `There is no database or schema for ${parts.join('.')}.`)
}

function nameTaken(name: string): AppError {
  return new AppError('dataset.exists', `There is a table or view ${JSON.stringify(name)} already.`, {
    hint: 'Choose another name; a view can be changed with CREATE OR REPLACE VIEW.',
  })
}
