import { AppError } from '#base/errors.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { unknownDataset } from '#datasets/create-datasets.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { generatedTableName } from '#datasets/free-table-name.ts'
import { candidateNames, tableNameOf } from '#datasets/table-name.ts'
import type { ParsedStatement } from '#sql/statement.ts'
import type { QueryRequest } from '../background.ts'
import { type FindScope, findAnyTable } from '../names/find-table.ts'
import { locate } from '../names/names.ts'
import type { QueryServiceOptions } from '../services.ts'

interface OutputScope extends FindScope {
  readonly services: FindScope['services'] & Pick<QueryServiceOptions, 'sql'>
}

/**
 * The statement that stores a SELECT's rows where the request wants them.
 * @throws AppError 'dataset.unknown', 'request.invalid' when several datasets are called so
 */
export async function outputText(
  scope: OutputScope,
  query: { readonly text: string; readonly request: QueryRequest; readonly appends: boolean },
): Promise<string> {
  const { text, request, appends } = query
  const { ctas, insertInto } = request
  const [statement] = scope.services.sql.split(text)
  if (!statement || (!ctas && !insertInto)) return text
  const select = statement.text.trim()
  if (insertInto) {
    const { datasetName } = insertInto
    const dataset = await datasetMeant(scope, datasetName)
    if (!dataset) throw unknownDataset(datasetName)
    return `INSERT INTO ${await nameInSql(scope, dataset)} ${select}`
  }
  if (!ctas) return text
  const { datasetName, targetSchemaTitle } = ctas
  const called = await datasetsCalled(scope, datasetName)
  if (appends && called.length > 0) {
    return `INSERT INTO ${await nameInSql(scope, theOne(called))} ${select}`
  }
  const options = targetSchemaTitle === undefined ? '' : ` WITH (schema = ${literal(targetSchemaTitle)})`
  const name = await newName(scope, datasetName, called)
  return `CREATE TABLE ${quoteIdentifier(name)}${options} AS ${select}`
}

/** What one statement makes of its rows. */
export function outputOf([only, second]: readonly ParsedStatement[]): 'ctas' | 'insert' | undefined {
  if (!only || second) return undefined
  return only.kind === 'createTableAs' ? 'ctas' : only.kind === 'insert' ? 'insert' : undefined
}

/** Exactly so, of those the caller may see. Names of datasets are not unique. */
export async function datasetsCalled(
  { services, caller }: Pick<FindScope, 'services' | 'caller'>,
  name: string,
): Promise<readonly Dataset[]> {
  return await services.datasets.list(caller, { limit: sameNamesMax, start: 0, name })
}

const sameNamesMax = 100

/** By its name, or else by its id or what SQL calls it. */
async function datasetMeant(scope: FindScope, name: string): Promise<Dataset | undefined> {
  const called = await datasetsCalled(scope, name)
  if (called.length === 1) return called[0]
  const inSql = await findAnyTable(scope, [name])
  if (called.length === 0) return inSql
  const isOfDatabase = scope.focus.kind === 'database' && called.some(({ id }) => id === inSql?.id)
  return isOfDatabase ? inSql : theOne(called)
}

function theOne(called: readonly Dataset[]): Dataset {
  const [only, second] = called
  if (only && !second) return only
  throw new AppError(
    'request.invalid',
    `${called.length} datasets are called ${JSON.stringify(only?.name)}: ${called.map(({ id }) => id).join(', ')}.`,
    { hint: 'Give the id, or the name of the table, of the one that is meant.' },
  )
}

/** What a statement in this place calls a dataset. */
async function nameInSql(scope: FindScope, { id, tableName }: Dataset): Promise<string> {
  const there = await findAnyTable(scope, [tableName])
  return there?.id === id ? quoteIdentifier(tableName) : `"all"."public".${quoteIdentifier(tableName)}`
}

/** Free where it is made, unless a dataset called so is there, as the statement will then say. */
async function newName(scope: FindScope, datasetName: string, called: readonly Dataset[]): Promise<string> {
  const { services, caller, focus } = scope
  if (focus.kind !== 'database') {
    return (
      called[0]?.tableName ?? (await generatedTableName(services.metadata.db, caller.sandbox.id, datasetName))
    )
  }
  for (const name of candidateNames(tableNameOf(datasetName), candidatesMax)) {
    const place = await locate(scope, [name])
    if (place?.kind !== 'member' || called.some(({ id }) => id === place.member.datasetId)) return name
  }
  throw new AppError('dataset.exists', `Too many tables of ${focus.database} are called so.`, {
    hint: 'Choose another name.',
  })
}

const candidatesMax = 100

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
