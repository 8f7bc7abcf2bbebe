import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { systemColumns } from '#lake/system-columns.ts'
import type { ViewRow } from '#metadata/views.ts'
import type { Catalogue, CatalogueTable, ParsedQuery, SqlFrontEnd, TableName } from '#sql/compile.ts'
import { type FindScope, findTable, findView, visibleNames } from './find-table.ts'
import { newestSample } from './samples-of.ts'
import type { QueryServiceOptions } from '../services.ts'

export interface CatalogueScope extends FindScope {
  readonly services: FindScope['services'] & Pick<QueryServiceOptions, 'sql'>
}

/** What a statement's names mean to who asks: the binder's catalogue and the datasets behind it. */
export interface LoadedCatalogue extends Catalogue {
  dataset(key: string): Dataset | undefined
  /** Of all that are read, also through views. */
  readonly datasetIds: readonly string[]
  /** Of all views that are read, also through others; in lower case. */
  readonly viewNames: ReadonlySet<string>
}

/** Loads the tables a statement names. Those the caller may not read are not there, as if they did not exist. */
export async function loadCatalogue(
  scope: CatalogueScope,
  names: readonly TableName[],
  { isApproximate = false }: { readonly isApproximate?: boolean } = {},
): Promise<LoadedCatalogue> {
  const datasets = new Map<string, Dataset>()
  const views = new Map<string, ParsedQuery>()
  const viewNames = new Set<string>()
  /** By name, before a sample takes its place. */
  const found = new Map<string, DatasetId | undefined>()
  let isComplete = true
  // What a view says is of the sandbox, whatever database its reader is in.
  const inView: FindScope = scope.focus.kind === 'database' ? { ...scope, focus: { kind: 'all' } } : scope
  const open = names.map((name) => ({ name, reader: scope as FindScope }))
  for (let next = open.pop(); next; next = open.pop()) {
    const { name, reader } = next
    const key = keyOf(name.parts)
    const isKnown = datasets.has(key) || views.has(key)
    if (isKnown && inView === scope) continue
    const dataset = await findTable(reader, name.parts)
    if (isKnown && found.get(key) !== dataset?.id) throw meansTwo(name)
    if (isKnown) continue
    found.set(key, dataset?.id)
    const view = dataset ? undefined : await findView(reader, name.parts)
    if (dataset)
      datasets.set(key, isApproximate ? ((await newestSample(scope, dataset)) ?? dataset) : dataset)
    else if (view) {
      const query = viewQuery(scope.services.sql, view)
      views.set(key, query)
      viewNames.add(view.name.toLowerCase())
      open.push(...query.tables.map((table) => ({ name: table, reader: inView })))
    } else isComplete = false
  }
  const byId = new Map([...datasets.values()].map((dataset) => [dataset.id as string, dataset]))
  return {
    table: (parts) => {
      const dataset = datasets.get(keyOf(parts))
      return dataset && catalogueTable(dataset)
    },
    view: (parts) => views.get(keyOf(parts)),
    viewNames,
    tableNames: isComplete ? [...byId.values()].map(({ tableName }) => tableName) : await visibleNames(scope),
    dataset: (key) => byId.get(key),
    datasetIds: Array.from(byId.keys()),
  }
}

/** The query of a view, which was parsed when it was made. */
export function viewQuery(sql: SqlFrontEnd, view: Pick<ViewRow, 'name' | 'sql'>): ParsedQuery {
  const [scanned] = sql.split(view.sql)
  const statement = scanned && sql.parse(scanned)
  if (statement?.kind === 'query') return statement.query
  throw new AppError('internal', `The view ${JSON.stringify(view.name)} holds no query.`)
}

function meansTwo({ parts, position }: TableName): AppError {
  return new AppError(
    'query.unsupported',
    `A view and the statement that reads it mean two tables by ${JSON.stringify(parts.join('.'))}.`,
    { position, hint: 'Write the full name in the statement: database.schema.table.' },
  )
}

function catalogueTable(dataset: Dataset): CatalogueTable {
  return { key: dataset.id, name: dataset.tableName, columns: dataset.schema, systemColumns }
}

function keyOf(parts: readonly string[]): string {
  return parts.join('\0').toLowerCase()
}
