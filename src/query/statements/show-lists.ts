import type { KeyKind } from '#datasets/table-keys.ts'
import { type MemberRow, selectDatabases, selectMembers, selectSqlSchemas } from '#metadata/databases.ts'
import { type DataType, type Field, sparkName } from '#types/data-type.ts'
import { fieldGroupRows } from '../tables/field-groups.ts'
import { findTable, visibleTables } from '../names/find-table.ts'
import type { Scope } from '../scope.ts'
import { type ShownRows, textColumns } from '../static-rows.ts'
import { listViews } from './views.ts'

/** A list that SHOW knows by name. */
interface ShowList {
  readonly columns: readonly Field[]
  readonly rows: (scope: Scope, of?: string) => Promise<ShownRows['rows']>
}

const lists: Readonly<Record<string, ShowList>> = {
  tables: {
    columns: textColumns('name', 'dataSetId', 'dataSet', 'description', 'resolved'),
    rows: async (scope) =>
      (await visibleTables(scope)).map(({ tableName, id, name, description }) => [
        tableName,
        id,
        name,
        description,
        'true',
      ]),
  },
  databases: { columns: textColumns('name'), rows: databaseRows },
  schemas: { columns: textColumns('database', 'schema'), rows: schemaRows },
  views: {
    columns: textColumns(
      'Db Name',
      'Schema Name',
      'Name',
      'Id',
      'Dataset Dependencies',
      'Views Dependencies',
      'TYPE',
    ),
    rows: viewRows,
  },
  datagroups: {
    columns: textColumns('Database', 'Schema', 'GroupType', 'ChildType', 'ChildName', 'ChildId'),
    rows: datagroupRows,
  },
  fieldgroups: { columns: textColumns('name', 'fieldgroupId', 'owner'), rows: fieldGroupRows },
  'primary keys': {
    columns: textColumns('tableName', 'columnName', 'datatype', 'namespace'),
    rows: (scope) => keyRows(scope, ['primaryKey']),
  },
  identities: {
    columns: textColumns('tableName', 'columnName', 'datatype', 'namespace', 'isPrimary'),
    rows: (scope) => keyRows(scope, ['primaryIdentity', 'identity']),
  },
  'foreign keys': {
    columns: textColumns(
      'tableName',
      'columnName',
      'datatype',
      'referencedTableName',
      'referencedColumnName',
      'namespace',
    ),
    rows: foreignKeyRows,
  },
  statistics: {
    columns: textColumns('statsId', 'tableName', 'columnSet', 'filterContext', 'timestamp'),
    rows: async ({ temporaries }, of) =>
      temporaries
        .statistics()
        .filter(({ id }) => of === undefined || id.toLowerCase() === of.toLowerCase())
        .map(({ id, tableName, columnSet, filter, at }) => [
          id,
          tableName,
          columnSet,
          filter === undefined ? '' : `(${filter})`,
          dayAndTime(at),
        ]),
  },
}

/** In a session on a database tables are listed by the names they have there. */
const tablesOfDatabase: ShowList = {
  columns: textColumns('name', 'type'),
  rows: async (scope) =>
    (await visibleMembers(scope)).map(({ name, viewId }) => [name, viewId === null ? 'table' : 'view']),
}

export function showList({ focus }: Pick<Scope, 'focus'>, key: string): ShowList | undefined {
  if (key === 'tables' && focus.kind === 'database') return tablesOfDatabase
  return Object.hasOwn(lists, key) ? lists[key] : undefined
}

/** `25/06/2023 09:22:26`, of UTC. */
export function dayAndTime(at: Date): string {
  const [date = '', time = ''] = at.toISOString().split('T')
  return `${date.split('-').toReversed().join('/')} ${time.slice(0, 8)}`
}

async function databaseRows({ services, caller, focus }: Scope): Promise<ShownRows['rows']> {
  const rows = await selectDatabases(services.metadata.db, caller.sandbox.id)
  return rows
    .filter(({ name }) => focus.kind !== 'database' || name === focus.database)
    .map(({ name }) => [name])
}

async function schemaRows({ services, caller, focus }: Scope): Promise<ShownRows['rows']> {
  const rows = await selectSqlSchemas(services.metadata.db, caller.sandbox.id)
  return rows
    .filter(
      ({ name, database }) =>
        focus.kind !== 'database' ||
        (database === focus.database && (focus.schema === undefined || name === focus.schema)),
    )
    .map(({ database, name }) => [database, name])
}

async function viewRows(scope: Scope): Promise<ShownRows['rows']> {
  const { services, caller, focus } = scope
  const members = await selectMembers(services.metadata.db, caller.sandbox.id)
  return (await listViews(scope)).flatMap(({ row, tables, views }) => {
    if (focus.kind === 'view' && row.id !== focus.viewId) return []
    const homes = members.filter(
      ({ viewId, database, schema }) =>
        viewId === row.id &&
        (focus.kind !== 'database' ||
          (database === focus.database && (focus.schema === undefined || schema === focus.schema))),
    )
    const rest = [row.id, tables.join(', ') || null, views.join(', ') || null]
    if (homes.length > 0) {
      return homes.map(({ database, schema, name, kind }) => [
        database,
        schema,
        name,
        ...rest,
        kind === 'QSACCEL' ? 'DWH' : 'ADLS',
      ])
    }
    return focus.kind === 'database' ? [] : [[null, null, row.name, ...rest, 'ADLS']]
  })
}

async function datagroupRows(scope: Scope, of?: string): Promise<ShownRows['rows']> {
  const members = await visibleMembers(scope)
  const dataset = of === undefined ? undefined : await findTable(scope, of.split('.'))
  return members
    .filter(
      ({ name, datasetId }) =>
        of === undefined || name.toLowerCase() === of.toLowerCase() || (dataset && datasetId === dataset.id),
    )
    .map(({ database, schema, kind, name, datasetId, viewId }) => [
      database,
      schema,
      kind,
      datasetId === null ? 'View' : 'Data Lake Table',
      name,
      datasetId ?? viewId,
    ])
}

/** References of the session's databases to what the caller may see. */
async function visibleMembers(scope: Scope): Promise<MemberRow[]> {
  const { services, caller, focus } = scope
  const members = await selectMembers(services.metadata.db, caller.sandbox.id, {
    ...(focus.kind === 'database' ? { database: focus.database } : {}),
    ...(focus.kind === 'database' && focus.schema !== undefined ? { schema: focus.schema } : {}),
  })
  const visible = new Set((await visibleTables(scope)).map(({ id }) => id))
  return members.filter(({ datasetId }) => datasetId === null || visible.has(datasetId))
}

async function keyRows(scope: Scope, kinds: readonly KeyKind[]): Promise<ShownRows['rows']> {
  const { services, caller } = scope
  const keys = await services.keys.list(caller, await visibleTables(scope))
  return keys
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, dataset, column, type, namespace }) => [
      dataset.tableName,
      column,
      typeName(type),
      quoted(namespace),
      ...(kinds.includes('identity') ? [String(kind === 'primaryIdentity')] : []),
    ])
}

/** The namespace is that of the column referred to. */
async function foreignKeyRows(scope: Scope): Promise<ShownRows['rows']> {
  const { services, caller } = scope
  const keys = await services.keys.list(caller, await visibleTables(scope))
  return keys.flatMap(({ kind, dataset, column, type, referenced }) => {
    if (kind !== 'foreignKey' || !referenced) return []
    const target = keys.find(
      (other) =>
        other.namespace !== undefined &&
        other.dataset.id === referenced.dataset.id &&
        other.column === referenced.column,
    )
    const { tableName } = referenced.dataset
    return [
      [dataset.tableName, column, typeName(type), tableName, referenced.column, quoted(target?.namespace)],
    ]
  })
}

/** As the reference platform prints types of keys. */
function typeName(type: DataType): string {
  return type.kind === 'string' ? 'text' : sparkName(type)
}

function quoted(namespace: string | undefined): string | null {
  return namespace === undefined ? null : `"${namespace}"`
}
