import type { Field } from '#types/data-type.ts'
import { visibleTables } from './catalogue.ts'
import { propertyName } from './properties.ts'
import type { Scope } from './scope.ts'
import { textColumns } from './static-rows.ts'
import { listViews } from './views.ts'

/** What SHOW answers. */
interface Shown {
  readonly columns: readonly Field[]
  readonly rows: readonly (readonly (string | null)[])[]
}

const tableColumns = textColumns('name', 'dataSetId', 'dataSet', 'description', 'resolved')

const viewColumns = textColumns(
  'Db Name',
  'Schema Name',
  'Name',
  'Id',
  'Dataset Dependencies',
  'Views Dependencies',
  'TYPE',
)

/** The columns of an answer, without making it. @throws AppError 'config.invalid' */
export function shownColumns(what: string): readonly Field[] {
  switch (normalized(what)) {
    case 'all':
      return textColumns('name', 'setting', 'description')
    case 'tables':
      return tableColumns
    case 'databases':
      return textColumns('name')
    case 'schemas':
      return textColumns('database', 'schema')
    case 'views':
      return viewColumns
    case 'primary keys':
      return textColumns('tableName', 'columnName', 'datatype', 'namespace')
    case 'foreign keys':
      return textColumns(
        'tableName',
        'columnName',
        'datatype',
        'referencedTableName',
        'referencedColumnName',
        'namespace',
      )
    case 'statistics':
      return textColumns('statsId', 'tableName', 'columnSet', 'filterContext', 'timestamp')
    default:
      return textColumns(propertyName(aliasOf(what)).toLowerCase())
  }
}

/** @throws AppError 'config.invalid' for what is neither a list nor a property */
export async function show(scope: Scope, what: string): Promise<Shown> {
  const columns = shownColumns(what)
  switch (normalized(what)) {
    case 'all':
      return { columns, rows: scope.properties.list() }
    case 'tables': {
      const tables = await visibleTables(scope)
      return {
        columns,
        rows: tables.map(({ tableName, id, name, description }) => [
          tableName,
          id,
          name,
          description,
          'true',
        ]),
      }
    }
    case 'databases':
      return { columns, rows: [[`${scope.caller.sandbox.name}:${scope.database}`]] }
    case 'schemas':
      return { columns, rows: [[scope.database, 'public']] }
    case 'views':
      return { columns, rows: await viewRows(scope) }
    // There is no statement yet that makes them.
    case 'primary keys':
    case 'foreign keys':
    case 'statistics':
      return { columns, rows: [] }
    default:
      return { columns, rows: [[scope.properties.get(aliasOf(what))]] }
  }
}

async function viewRows(scope: Scope): Promise<Shown['rows']> {
  return (await listViews(scope)).map(({ row, tables, views }) => [
    scope.database,
    'public',
    row.name,
    row.id,
    tables.join(', ') || null,
    views.join(', ') || null,
    'ADLS',
  ])
}

function normalized(what: string): string {
  return what.trim().replaceAll(/\s+/g, ' ').toLowerCase()
}

/** PostgreSQL has some properties under names of several words. */
function aliasOf(what: string): string {
  const name = normalized(what)
  if (name === 'transaction isolation level' || name.startsWith('transaction isolation')) {
    return 'transaction_isolation'
  }
  if (name.startsWith('transaction')) return 'transaction_read_only'
  if (name === 'time zone') return 'TimeZone'
  if (name === 'session authorization') return 'session_authorization'
  return what.trim()
}
