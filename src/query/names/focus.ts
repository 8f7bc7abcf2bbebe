import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectDatabase, selectSqlSchemas } from '#metadata/databases.ts'
import { selectView, selectViewById } from '#metadata/views.ts'
import { findTable } from './find-table.ts'
import type { Focus } from './names.ts'
import type { QueryServiceOptions } from '../services.ts'

/**
 * `all` or `all.public`, a database, `database.schema`, a table or a view; tables and views also by their ids.
 * @throws AppError 'query.no_tables'
 */
export async function focusOf(
  services: Pick<QueryServiceOptions, 'access' | 'clock' | 'datasets' | 'metadata'>,
  { caller, database: name }: { readonly caller: Caller; readonly database: string },
): Promise<Focus> {
  if (name === 'all' || name.toLowerCase() === 'all.public') return { kind: 'all' }
  const { db } = services.metadata
  const sandboxId = caller.sandbox.id
  const [database = '', schema, ...more] = name.split('.')
  const row = more.length === 0 ? await selectDatabase(db, sandboxId, database) : undefined
  if (row && schema === undefined) return { kind: 'database', database: row.name, schema: undefined }
  const [found] =
    row && schema !== undefined ? await selectSqlSchemas(db, sandboxId, { database, name: schema }) : []
  if (found) return { kind: 'database', database: found.database, schema: found.name }
  const dataset = await findTable({ services, caller, focus: { kind: 'all' } }, [name])
  if (dataset) return { kind: 'table', datasetId: dataset.id }
  const view = isUuid(name)
    ? await selectViewById(db, sandboxId, name)
    : await selectView(db, sandboxId, name)
  if (view) return { kind: 'view', viewId: view.id }
  throw new AppError('query.no_tables', `No tables found: there is no database ${JSON.stringify(name)}.`, {
    hint: `Connect to ${caller.sandbox.name}:all.`,
  })
}
