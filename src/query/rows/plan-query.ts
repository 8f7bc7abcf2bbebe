import { must } from '#base/assert.ts'
import type { DatasetId } from '#base/ids.ts'
import type { FileTable, KeyedScan } from '#engine/engine.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import { systemColumns } from '#lake/system-columns.ts'
import type { ScanPlan } from '#lake/lake.ts'
import type { BoundQuery, EngineName, Literal, ParsedQuery, SessionNames, TableScan } from '#sql/compile.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { type LoadedCatalogue, loadCatalogue } from '../names/catalogue.ts'
import type { StepPins } from '../journal.ts'
import { chosenEngine } from './choose-engine.ts'
import { type HistoryPlan, planHistory } from './history.ts'
import { keyedScans } from './keyed-scans.ts'
import type { Scope } from '../scope.ts'
import { snapshotRange } from './snapshot-range.ts'
import { sparkScan, type SparkScan } from './spark-scan.ts'

/** A query made ready for the engine: bound, its tables' files chosen at one snapshot each, printed. */
export interface PlannedQuery {
  readonly columns: readonly Field[]
  /** Whose text it is, and who runs it. */
  readonly engine: EngineName
  readonly sql: string
  /** Whether the rows come in an order that was asked for. */
  readonly isOrdered: boolean
  /** The only row, where no engine is needed for it. */
  readonly constants?: readonly Literal[] | undefined
  /** What the text calls by names of its own. */
  readonly tables: readonly FileTable[]
  /** All its scans, where it looks rows up in each. */
  readonly lookups?: readonly KeyedScan[] | undefined
  /** What it may read, once it is leased; each once. */
  readonly files: readonly CachedObject[]
  /** Those it reads, each once, also through views. */
  readonly datasetIds: readonly string[]
  readonly scans: readonly {
    readonly tableName: string
    readonly datasetId: DatasetId
    readonly plan: Omit<ScanPlan, 'parts' | 'wholeSql'>
  }[]
}

/** @throws AppError of the front end: 'query.unknown_table', 'query.type', … */
export async function planQuery(
  scope: Scope,
  query: ParsedQuery,
  pins: StepPins,
  { complexAsJson = false }: { readonly complexAsJson?: boolean } = {},
): Promise<PlannedQuery> {
  const engine = chosenEngine(scope)
  const catalogue = await loadCatalogue(scope, query.tables, query)
  const bound = scope.services.sql.bind(query, {
    engine,
    catalogue,
    variables: scope.variables.all(),
    parameters: scope.parameters,
    dropsSystemColumns: scope.properties.isTrue('drop_system_columns'),
    now: pins.now,
    session: sessionNames(scope),
    complexAsJson,
    flattens: scope.properties.isTrue('flatten'),
  })
  tellNotices(scope, bound)
  const datasetIds = Array.from(new Set(bound.scans.map(({ table }) => table.key)))
  scope.onRead?.(datasetIds)
  const plans = new Map<TableScan, ScanPlan | HistoryPlan>()
  for (const scan of bound.scans) plans.set(scan, await planScan(scope, scan, { catalogue, pins }))
  const scans = [...plans].map(([scan, plan], index) => ({ scan, ...scanFor(engine, plan, index) }))
  return {
    columns: bound.columns,
    engine,
    isOrdered: bound.isOrdered,
    constants: bound.constants,
    sql: bound.print(engine, new Map(scans.map(({ scan, text }) => [scan, text]))),
    tables: scans.flatMap(({ tables }) => tables),
    lookups: scope.pool === 'interactive' ? keyedScans(plans) : undefined,
    files: eachOnce([...plans.values()].flatMap((plan) => plan.files)),
    datasetIds,
    scans: [...plans].map(([{ table }, plan]) => ({
      tableName: table.name,
      datasetId: table.key as DatasetId,
      plan,
    })),
  }
}

function scanFor(engine: EngineName, plan: ScanPlan | HistoryPlan, index: number): SparkScan {
  if (engine === 'duckdb') return { text: plan.sql, tables: [] }
  if ('sparkSql' in plan) return { text: plan.sparkSql, tables: [] }
  return sparkScan(plan.parts, `scan_${index + 1}`)
}

function eachOnce(files: readonly CachedObject[]): readonly CachedObject[] {
  return Array.from(new Map(files.map((file) => [file.name, file])).values())
}

/** Names and types alone, with parameters open. */
export async function describeQuery(
  scope: Scope,
  query: ParsedQuery,
  parameterTypes: readonly (DataType | undefined)[],
  {
    complexAsJson = false,
    isOfView = false,
  }: { readonly complexAsJson?: boolean; readonly isOfView?: boolean } = {},
): Promise<BoundQuery> {
  return scope.services.sql.bind(query, {
    catalogue: await loadCatalogue(scope, query.tables, query),
    variables: scope.variables.all(),
    parameterTypes,
    dropsSystemColumns: scope.properties.isTrue('drop_system_columns'),
    now: scope.services.clock.now(),
    session: sessionNames(scope),
    complexAsJson,
    flattens: !isOfView && scope.properties.isTrue('flatten'),
    isOfView,
  })
}

/** What the session sees of a view of that text. */
export async function viewColumns(scope: Scope, query: ParsedQuery): Promise<readonly Field[]> {
  const { columns } = await describeQuery(scope, query, [], { isOfView: true })
  return shownFields(scope, columns)
}

/** As `*` gives them in the session: instead of a struct, where it flattens, each of its fields at any depth. */
export function shownFields({ properties }: Scope, columns: readonly Field[]): readonly Field[] {
  return properties.isTrue('flatten') ? columns.flatMap(flattened) : columns
}

function flattened({ name, type }: Field): readonly Field[] {
  if (type.kind !== 'struct' || type.fields.length === 0) return [{ name, type }]
  return type.fields.flatMap((field) => flattened({ ...field, name: `${name}.${field.name}` }))
}

/** As clients name them when they connect. */
function sessionNames({ caller, database }: Scope): SessionNames {
  return { user: caller.principal.name, database: `${caller.sandbox.name}:${database}` }
}

function tellNotices(scope: Scope, bound: BoundQuery): void {
  for (const notice of bound.notices ?? []) scope.notice(notice)
}

async function planScan(
  scope: Scope,
  scan: TableScan,
  { catalogue, pins }: { readonly catalogue: LoadedCatalogue; readonly pins: StepPins },
): Promise<ScanPlan | HistoryPlan> {
  const { lake } = scope.services
  const { tableId } = must(catalogue.dataset(scan.table.key), 'the binder scans tables of the catalogue')
  const isSystem = (name: string): boolean => systemColumns.fields.some((field) => field.name === name)
  if (scan.isHistory) return await planHistory(lake, tableId, await pins.snapshot(tableId))
  const range = await snapshotRange(scope, { tableId, clause: scan.snapshot, pins })
  return await lake.plan({
    tableId,
    ...range,
    columns: scan.columns.filter((name) => !isSystem(name)),
    withSystemColumns: scan.columns.some(isSystem),
    predicates: scan.predicates,
    signal: scope.signal,
  })
}
