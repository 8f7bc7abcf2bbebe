import { faultPoint } from '#base/faults.ts'
import { type Client, RestError } from './client.ts'
import { containsType } from './contains-type.ts'
import {
  batchesOf,
  columnsOf,
  createDataset,
  createTable,
  type DatasetDocument,
  findDataset,
  tableOf,
} from './datasets.ts'
import { CliError, exitCodes } from './exit-code.ts'
import type { Restorable } from './host.ts'

/** On datasets that were restored: export, dataset, the newest manifest's hash and number, so that a restore goes on with its own. */
const originTag = 'restored/from'

/**
 * The dataset that a restore fills: made now, or by an earlier attempt at the same restore. It has the schema that the
 * delivered one had where this lake has it, else one of its own with the same columns.
 * @param name absent: it is called as it was
 */
export async function restoredDataset(
  client: Client,
  found: Restorable,
  name: string | undefined,
): Promise<{ readonly dataset: DatasetDocument; readonly isNew: boolean }> {
  const { schema } = found
  const wanted = name ?? found.datasetName
  const there = await findDataset(client, wanted)
  if (there) {
    if (!isOf(there, found)) throw taken(there, wanted, found)
    await requireColumns(client, there, found)
    return { dataset: there, isNew: false }
  }
  const said = {
    name: wanted,
    description: `Restored from delivery ${found.head.number} of the export ${found.exportName}`,
    tags: { [originTag]: origin(found) },
  }
  // Under another name it has another table too.
  const tableName = name === undefined ? found.tableName : undefined
  const ofSchema = async (of: Record<string, unknown> | string) =>
    await createDataset(client, {
      ...said,
      schema: of,
      tags: { ...said.tags, ...(tableName === undefined ? {} : { 'adobe/pqs/table': [tableName] }) },
    })
  const ofColumns = async () =>
    schema.document
      ? await ofSchema({ ...schema.document, title: wanted })
      : await createTable(client, {
          ...said,
          tableName,
          columns: schema.columns.map((column) => ({ name: column.name, type: column.ddl })),
        })
  const isKnown = async () => schema.id !== undefined && (await isRegistered(client, schema.id))
  const made = (await isKnown()) ? await ofSchema(schema.id ?? '') : await ofColumns()
  await faultPoint('restore.made')
  if (!(await missingColumn(client, made, found))) return { dataset: made, isNew: true }
  // The schema of that name has other columns by now, or never was the same. What was made goes, unless somebody uses it.
  if ((await batchesOf(client, made.id, { limit: 1 })).length > 0) await requireColumns(client, made, found)
  await client.call('DELETE', `/data/foundation/catalog/dataSets/${made.id}`)
  const own = await ofColumns()
  const missing = await missingColumn(client, own, found)
  if (missing)
    throw new Error(`Broken invariant: the dataset ${own.id} has no ${missing.name} of ${missing.type}`)
  return { dataset: own, isNew: true }
}

function origin({ exportId, datasetId, head }: Restorable): readonly string[] {
  return [exportId, datasetId, head.sha256, String(head.number)]
}

function isOf({ tags }: DatasetDocument, found: Restorable): boolean {
  const its = tags[originTag] ?? []
  return origin(found).every((part, index) => part === its[index])
}

function taken({ name, tags }: DatasetDocument, wanted: string, found: Restorable): CliError {
  const [exportId, datasetId, , delivery] = tags[originTag] ?? []
  if (exportId === found.exportId && datasetId === found.datasetId)
    return new CliError(
      exitCodes.failed,
      `The dataset ${JSON.stringify(name)} is a restore of the same export as of delivery ${delivery}; the one asked for is as of ${found.head.number}.`,
      `Give the new one another name (--dataset NAME), or go on with that restore: --through ${delivery}.`,
    )
  return new CliError(
    exitCodes.failed,
    `There is a dataset ${JSON.stringify(wanted)} already; a restore makes a new one.`,
    'Give the restored one another name: --dataset NAME.',
  )
}

async function isRegistered(client: Client, schemaId: string): Promise<boolean> {
  try {
    await client.get(`/data/foundation/schemaregistry/tenant/schemas/${encodeURIComponent(schemaId)}`)
    return true
  } catch (error) {
    if (error instanceof RestError && error.status === 404) return false
    throw error
  }
}

/** One that somebody may have filled since is left as it is, whatever its columns. */
async function requireColumns(client: Client, dataset: DatasetDocument, found: Restorable): Promise<void> {
  const missing = await missingColumn(client, dataset, found)
  if (!missing) return
  throw new CliError(
    exitCodes.failed,
    `The dataset ${JSON.stringify(dataset.name)} is of an earlier restore of these deliveries, and has other columns by now: none ${JSON.stringify(missing.name)} of ${missing.type}.`,
    'Give the restored one another name (--dataset NAME); or, if nothing is needed of the one there, delete that first.',
  )
}

/** A delivered column that the dataset has not; what it has beyond those, also inside of structs, is empty in the rows. */
async function missingColumn(
  client: Client,
  dataset: DatasetDocument,
  { schema }: Restorable,
): Promise<Restorable['schema']['columns'][number] | undefined> {
  const types = new Map((await columnsOf(client, tableOf(dataset))).map(({ name, type }) => [name, type]))
  return schema.columns.find(({ name, type }) => !containsType(types.get(name) ?? '', type))
}
