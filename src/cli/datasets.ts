import { type Client, RestError } from './client.ts'
import type { TypedColumn } from './column-rows.ts'
import { CliError, exitCodes } from './exit-code.ts'

const catalog = '/data/foundation/catalog'
const schemas = '/data/foundation/schemaregistry/tenant/schemas'
const pageSize = 100
/** More are not looked through by name. */
const datasetsMax = 10_000

/** A dataset as the catalogue shows it. */
export interface DatasetDocument {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly created: number
  readonly tags: Readonly<Record<string, readonly string[]>>
  readonly schemaRef: { readonly id: string }
  readonly classification: { readonly dataBehavior: string; readonly managedBy: 'CUSTOMER' | 'SYSTEM' }
  readonly extensions: {
    readonly adobe_lakeHouse: {
      readonly metrics: { readonly rowCount: number; readonly storageSize: number }
    }
  }
  readonly lastBatchId?: string
  readonly lastBatchStatus?: string
}

export interface BatchDocument {
  readonly id: string
  readonly tags?: Readonly<Record<string, unknown>>
  readonly status: string
  readonly created: number
  readonly completed?: number
  readonly recordCount: number
  readonly failedRecordCount: number
  readonly size: number
  readonly errors: readonly {
    readonly code: string
    readonly description: string
    readonly recordCount: number
  }[]
}

export async function listDatasets(client: Client): Promise<DatasetDocument[]> {
  const all: DatasetDocument[] = []
  for (let start = 0; start < datasetsMax; start += pageSize) {
    const page = await client.get<Record<string, Omit<DatasetDocument, 'id'>>>(
      `${catalog}/dataSets?limit=${pageSize}&start=${start}`,
    )
    const entries = Object.entries(page)
    for (const [id, document] of entries) all.push({ ...document, id })
    if (entries.length < pageSize) break
  }
  return all
}

/** By name, table name or id. */
export async function findDataset(client: Client, name: string): Promise<DatasetDocument | undefined> {
  const all = await listDatasets(client)
  return (
    all.find((dataset) => dataset.name === name || dataset.id === name) ??
    all.find((dataset) => tableOf(dataset).toLowerCase() === name.toLowerCase())
  )
}

export async function requireDataset(client: Client, name: string): Promise<DatasetDocument> {
  const dataset = await findDataset(client, name)
  if (dataset) return dataset
  throw new CliError(
    exitCodes.unknown,
    `There is no dataset ${JSON.stringify(name)}.`,
    'See them with: sluice dataset list. Make it with: sluice dataset create NAME --from FILE',
  )
}

export function tableOf(dataset: DatasetDocument): string {
  return dataset.tags['adobe/pqs/table']?.[0] ?? dataset.name
}

export interface NewDataset {
  readonly name: string
  /** A document to be registered, or an id. */
  readonly schema: Record<string, unknown> | string
  readonly description?: string
  readonly tags?: Readonly<Record<string, readonly string[]>>
}

/** Registers the schema, if it is not an id, then makes the dataset. */
export async function createDataset(
  client: Client,
  { name, schema, ...more }: NewDataset,
): Promise<DatasetDocument> {
  const registered = typeof schema === 'string' ? { $id: schema } : await registerSchema(client, schema)
  const created = client.post<string[]>(`${catalog}/dataSets`, {
    name,
    schemaRef: { id: registered.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
    ...more,
  })
  const [reference = ''] = await created.catch(async (error: unknown) => {
    // Best effort: one that no dataset has is in nobody's way.
    if (typeof schema !== 'string') {
      await client.call('DELETE', `${schemas}/${encodeURIComponent(registered.$id)}`).catch(() => {})
    }
    throw error
  })
  return await readDataset(client, reference.split('/').at(-1) ?? '')
}

export interface NewTable extends Omit<NewDataset, 'schema'> {
  readonly tableName: string | undefined
  /** Types as Spark's DDL has them. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

/** A dataset whose schema is its columns, which may have any names. */
export async function createTable(client: Client, table: NewTable): Promise<DatasetDocument> {
  const { id } = await client.post<{ id: string }>('/sluice/v1/datasets', table)
  return await readDataset(client, id)
}

/** From now on it is read-only, and cannot be deleted. */
export async function giveToSystem(client: Client, { id }: DatasetDocument): Promise<void> {
  await client.call('PUT', `/sluice/v1/datasets/${id}/managed-by`, { managedBy: 'SYSTEM' })
}

export async function deleteDataset(client: Client, { id }: DatasetDocument): Promise<void> {
  await client.call('DELETE', `${catalog}/dataSets/${id}`)
}

async function readDataset(client: Client, id: string): Promise<DatasetDocument> {
  const document = await client.get<Record<string, Omit<DatasetDocument, 'id'>>>(`${catalog}/dataSets/${id}`)
  return { ...(document[id] as DatasetDocument), id }
}

/** A title that is taken, by a dataset deleted since or a creation broken off, gets the time behind it. */
async function registerSchema(
  client: Client,
  schema: Record<string, unknown>,
): Promise<{ readonly $id: string }> {
  try {
    return await client.post<{ $id: string }>(schemas, schema)
  } catch (error) {
    if (!(error instanceof RestError && error.message.includes('already'))) throw error
    const title = `${String(schema['title'])} ${new Date().toISOString()}`
    return await client.post<{ $id: string }>(schemas, { ...schema, title })
  }
}

export async function readBatch(client: Client, id: string): Promise<BatchDocument> {
  const batches = await client.get<Record<string, Omit<BatchDocument, 'id'>>>(`${catalog}/batches/${id}`)
  return { ...(batches[id] as BatchDocument), id }
}

/** Newest first. */
export async function batchesOf(
  client: Client,
  datasetId: string,
  { limit, start = 0 }: { readonly limit: number; readonly start?: number },
): Promise<BatchDocument[]> {
  const batches = await client.get<Record<string, Omit<BatchDocument, 'id'>>>(
    `${catalog}/batches?dataSet=${datasetId}&limit=${limit}&start=${start}`,
  )
  return Object.entries(batches).map(([id, batch]) => ({ ...batch, id }))
}

/** Of a table, as SQL sees them. */
export async function columnsOf(client: Client, table: string): Promise<readonly TypedColumn[]> {
  const answer = await client.stream('/sluice/v1/sql', {
    sql: `SELECT * FROM "${table.replaceAll('"', '""')}" LIMIT 0`,
    format: 'table',
  })
  let text = ''
  for await (const chunk of answer) text += Buffer.from(chunk).toString('utf8')
  const [first = '{}'] = text.split('\n')
  return (JSON.parse(first) as { columns?: TypedColumn[] }).columns ?? []
}
