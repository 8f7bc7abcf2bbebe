import { createHash } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { systemColumns } from '#lake/system-columns.ts'
import { type MemberRow, selectMembers } from '#metadata/databases.ts'
import { selectViews, type ViewRow } from '#metadata/views.ts'
import type { Shown, ShownTable } from '#shadow/shadow.ts'
import type { Field } from '#types/data-type.ts'
import { viewQuery } from '../names/catalogue.ts'
import { visibleTables } from '../names/find-table.ts'
import { shownFields, viewColumns } from '../rows/plan-query.ts'
import type { Scope } from '../scope.ts'

const schemaDefault = 'public'

/** The columns of views, by what they depend on; undefined: its reader may not read it, or it cannot be read any more. */
export type ViewColumns = Map<string, readonly Field[] | undefined>

const viewColumnsMax = 2_000

/** Everything the session may see, under the names and in the schemas in which it sees it. */
export async function shownOf(scope: Scope, known: ViewColumns): Promise<Shown> {
  const { services, caller, focus } = scope
  const { db } = services.metadata
  const [datasets, views, members] = await Promise.all([
    visibleTables(scope),
    selectViews(db, caller.sandbox.id),
    focus.kind === 'database'
      ? selectMembers(db, caller.sandbox.id, {
          database: focus.database,
          ...(focus.schema === undefined ? {} : { schema: focus.schema }),
        })
      : undefined,
  ])
  const tables = datasets.map((dataset) => ({ id: dataset.id as string, shown: tableOf(scope, dataset) }))
  const state = createHash('sha256')
    .update(JSON.stringify([tables.map(({ shown }) => shown), views.map(({ name, sql }) => [name, sql])]))
    .digest('hex')
  const shownViews = await readableViews(scope, {
    views: views.filter((view) => isInFocus(scope, view)),
    state,
    known,
  })
  const all = [...tables, ...shownViews]
  if (!members) return { schemas: [schemaDefault], tables: all.map(({ shown }) => shown) }
  return {
    schemas: Array.from(new Set([...members.map(({ schema }) => schema), schemaDefault])),
    tables: members.flatMap((member) => asMember(member, all)),
  }
}

function asMember(
  { schema, name, datasetId, viewId }: MemberRow,
  all: readonly { readonly id: string; readonly shown: ShownTable }[],
): ShownTable[] {
  const found = all.find(({ id }) => id === (datasetId ?? viewId))
  return found ? [{ ...found.shown, schema, name }] : []
}

function isInFocus({ focus }: Scope, { id }: ViewRow): boolean {
  if (focus.kind === 'table') return false
  return focus.kind !== 'view' || focus.viewId === id
}

function tableOf(scope: Scope, dataset: Dataset): ShownTable {
  const own = dataset.schema.fields
  const columns = scope.properties.isTrue('drop_system_columns') ? own : [...own, ...systemColumns.fields]
  return {
    schema: schemaDefault,
    name: dataset.tableName,
    columns: shownFields(scope, columns),
    comment: dataset.description || (dataset.name === dataset.tableName ? '' : dataset.name),
  }
}

async function readableViews(
  scope: Scope,
  given: { readonly views: readonly ViewRow[]; readonly state: string; readonly known: ViewColumns },
): Promise<{ readonly id: string; readonly shown: ShownTable }[]> {
  const shown: { readonly id: string; readonly shown: ShownTable }[] = []
  for (const view of given.views) {
    const columns = await columnsOf(scope, { ...given, view })
    if (!columns) continue
    const { name, sql, id } = view
    shown.push({ id, shown: { schema: schemaDefault, name, columns, comment: '', definition: sql } })
  }
  return shown
}

async function columnsOf(
  scope: Scope,
  { view, state, known }: { readonly view: ViewRow; readonly state: string; readonly known: ViewColumns },
): Promise<readonly Field[] | undefined> {
  const { properties } = scope
  const key = [view.id, state, properties.get('flatten'), properties.get('drop_system_columns')].join(' ')
  if (known.has(key)) return known.get(key)
  const reader: Scope = scope.focus.kind === 'all' ? scope : { ...scope, focus: { kind: 'all' } }
  let columns: readonly Field[] | undefined
  try {
    columns = await viewColumns({ ...reader, notice: () => {} }, viewQuery(scope.services.sql, view))
  } catch (error) {
    if (!(error instanceof AppError)) throw error // What cannot be read is not there.
  }
  if (known.size >= viewColumnsMax) known.clear()
  known.set(key, columns)
  return columns
}
