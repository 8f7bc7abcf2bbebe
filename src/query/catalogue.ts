import { isWhole } from '#access/decide.ts'
import { AppError } from '#base/errors.ts'
import type { Caller, Dataset } from '#datasets/datasets.ts'
import { systemColumns } from '#lake/system-columns.ts'
import { selectView, type ViewRow } from '#metadata/views.ts'
import type { Catalogue, CatalogueTable, ParsedQuery, SqlFrontEnd, TableName } from '#sql/compile.ts'
import type { QueryServiceOptions } from './services.ts'
import { type TemporaryTables, temporaryTag } from './temporary-tables.ts'

export interface CatalogueScope {
  readonly services: Pick<QueryServiceOptions, 'access' | 'datasets' | 'metadata' | 'sql'>
  readonly caller: Caller
  readonly database: string
  readonly temporaries?: TemporaryTables
}

/** What a statement's names mean to who asks: the binder's catalogue and the datasets behind it. */
export interface LoadedCatalogue extends Catalogue {
  dataset(key: string): Dataset | undefined
  /** Of all views that are read, also through others; in lower case. */
  readonly viewNames: ReadonlySet<string>
}

/** Suggestions come from so many tables at most. */
const suggestionsMax = 1_000

/** Loads the tables a statement names. Those the caller may not read are not there, as if they did not exist. */
export async function loadCatalogue(
  scope: CatalogueScope,
  names: readonly TableName[],
): Promise<LoadedCatalogue> {
  const datasets = new Map<string, Dataset>()
  const views = new Map<string, ParsedQuery>()
  const viewNames = new Set<string>()
  let isComplete = true
  const open = [...names]
  for (let name = open.pop(); name; name = open.pop()) {
    const { parts } = name
    const key = keyOf(parts)
    if (datasets.has(key) || views.has(key)) continue
    const dataset = await findTable(scope, parts)
    const view = dataset ? undefined : await findView(scope, parts)
    if (dataset) datasets.set(key, dataset)
    else if (view) {
      const query = viewQuery(scope.services.sql, view)
      views.set(key, query)
      viewNames.add(view.name.toLowerCase())
      open.push(...query.tables)
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
  }
}

/** The table of that name, if the caller may read it. @throws AppError 'access.denied' when he may read none at all */
export async function findTable(
  scope: CatalogueScope,
  parts: readonly string[],
): Promise<Dataset | undefined> {
  const { services, caller, database } = scope
  const temporary = scope.temporaries?.get(parts)
  if (temporary) return temporary
  const name = localName(parts, caller.sandbox.name)
  if (name === undefined) return undefined
  const dataset = await foundOrHidden(scope, name)
  if (!dataset || !isInDatabase(dataset, database)) return undefined
  const decision = await services.access.decide({
    principal: caller.principal,
    permission: 'view-datasets',
    sandboxId: caller.sandbox.id,
    datasetId: dataset.id,
  })
  if (!decision.isAllowed) return undefined
  if (!isWhole(decision)) {
    throw new AppError(
      'query.unsupported',
      'You may see this table in part only, and partial views cannot be queried yet.',
    )
  }
  return dataset
}

/** The view of that name. What it reads, its reader must be allowed to read. */
export async function findView(
  { services, caller }: CatalogueScope,
  parts: readonly string[],
): Promise<ViewRow | undefined> {
  const name = localName(parts, caller.sandbox.name)
  return name === undefined ? undefined : await selectView(services.metadata.db, caller.sandbox.id, name)
}

/** The query of a view, which was parsed when it was made. */
export function viewQuery(sql: SqlFrontEnd, view: Pick<ViewRow, 'name' | 'sql'>): ParsedQuery {
  const [scanned] = sql.split(view.sql)
  const statement = scanned && sql.parse(scanned)
  if (statement?.kind === 'query') return statement.query
  throw new AppError('internal', `The view ${JSON.stringify(view.name)} holds no query.`)
}

async function foundOrHidden(
  { services, caller }: CatalogueScope,
  name: string,
): Promise<Dataset | undefined> {
  try {
    return await services.datasets.find(caller, name)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'access.denied') throw error
    // Denied for this one: it does not exist for the caller. Denied for all: he should know.
    const { principal, sandbox } = caller
    const general = { principal, permission: 'view-datasets', sandboxId: sandbox.id } as const
    if ((await services.access.decide(general)).isAllowed) return undefined
    throw error
  }
}

/** `t`, `public.t` and `prod.public.t` are one table; other databases and schemas do not exist yet. */
export function localName(parts: readonly string[], sandboxName: string): string | undefined {
  const name = parts.at(-1)
  const [schema, database] = [parts.at(-2), parts.at(-3)]
  if (schema !== undefined && !['public', 'all', sandboxName.toLowerCase()].includes(schema.toLowerCase())) {
    return undefined
  }
  if (database !== undefined && !['all', sandboxName.toLowerCase()].includes(database.toLowerCase())) {
    return undefined
  }
  return name
}

function isInDatabase(dataset: Dataset, database: string): boolean {
  return (
    database === 'all' ||
    dataset.id === database ||
    dataset.tableName.toLowerCase() === database.toLowerCase()
  )
}

/** Tables of the session's database that the caller may read, by table name. */
export async function visibleTables({ services, caller, database }: CatalogueScope): Promise<Dataset[]> {
  const all = await services.datasets.tables(caller)
  const visible: Dataset[] = []
  for (const dataset of all) {
    if (!isInDatabase(dataset, database) || dataset.tags[temporaryTag]) continue
    const decision = await services.access.decide({
      principal: caller.principal,
      permission: 'view-datasets',
      sandboxId: caller.sandbox.id,
      datasetId: dataset.id,
    })
    if (decision.isAllowed) visible.push(dataset)
  }
  return visible
}

async function visibleNames(scope: CatalogueScope): Promise<string[]> {
  return (await visibleTables(scope)).slice(0, suggestionsMax).map(({ tableName }) => tableName)
}

export function unknownTable(table: TableName): AppError {
  return new AppError('query.unknown_table', `There is no table ${JSON.stringify(table.parts.join('.'))}.`, {
    position: table.position,
    hint: 'See them with SHOW TABLES.',
  })
}

function catalogueTable(dataset: Dataset): CatalogueTable {
  return { key: dataset.id, name: dataset.tableName, columns: dataset.schema, systemColumns }
}

function keyOf(parts: readonly string[]): string {
  return parts.join('\0').toLowerCase()
}
