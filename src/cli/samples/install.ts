import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '#base/assert.ts'
import type { Sample, SampleScale, Truth } from '#samples/sample.ts'
import type { Client } from '../client.ts'
import { finishedBatch, loadFiles } from '../commands/load.ts'
import { type BatchDocument, createDataset, type DatasetDocument, giveToSystem } from '../datasets.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { sourceFile } from '../source-file.ts'
import type { Terminal } from '../terminal.ts'
import { number } from '../text.ts'
import { scaleText } from './scale.ts'
import { type Place, sampleTag, scaleTag } from './there.ts'
import { writeFiles } from './write-files.ts'

const loadsAtOnce = 3
/** Of the one batch with which a dataset of a sample is filled. */
const batchName = 'sample'

export interface Installing {
  readonly client: Client
  readonly terminal: Terminal
  readonly sample: Sample
  readonly scale: SampleScale
  readonly sandbox: string
  readonly ledgerPath?: string | undefined
}

export interface Installed {
  readonly place: Place
  readonly rowCount: number
  readonly isNew: boolean
}

/**
 * Makes the datasets that are absent, in the order of the sample, so that of two who begin at the same time one makes all, and
 * says with which scale. @throws RestError 409 for one that somebody else has made since
 */
export async function makeDatasets(installing: Installing, places: readonly Place[]): Promise<Place[]> {
  const all: Place[] = []
  for (const place of places) {
    all.push(
      place.state === 'absent'
        ? { ...place, state: 'empty', found: await makeDataset(installing, place) }
        : place,
    )
  }
  return all
}

/** Loads what is empty; what is there stays as it is. */
export async function install(
  installing: Installing,
  places: readonly Place[],
): Promise<readonly Installed[]> {
  const { client, terminal, ledgerPath } = installing
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sample-'))
  try {
    const toLoad = new Map<string, Place>()
    for (const place of places) {
      if (!(await isLoaded(client, terminal, place))) toLoad.set(place.wanted.table, place)
    }
    for (const place of places) if (!toLoad.has(place.wanted.table)) await seal(client, place)
    if (toLoad.size === 0 && ledgerPath === undefined) return places.map((place) => installedBefore(place))
    const made = await generate(installing, { folder, tables: new Set(toLoad.keys()) })
    if (ledgerPath !== undefined) await writeFile(ledgerPath, ledgerText(installing, made.truth))
    const queue = [...toLoad.values()]
    const loaded = new Map<string, Installed>()
    const work = async () => {
      for (let place = queue.shift(); place; place = queue.shift()) {
        const { table } = place.wanted
        const { id } = must(place.found, 'the datasets of a sample were made')
        const { paths = [] } = made.files.get(table) ?? {}
        const rowCount =
          paths.length === 0 ? 0 : await load(client, terminal, { table, datasetId: id, paths })
        await seal(client, place)
        loaded.set(table, { place, rowCount, isNew: true })
      }
    }
    await Promise.all(Array.from({ length: loadsAtOnce }, work))
    return places.map((place) => loaded.get(place.wanted.table) ?? installedBefore(place))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Runs the generator, and writes files for the tables named. */
export async function generate(
  { client, terminal, sample, scale, sandbox }: Installing,
  { folder, tables }: { readonly folder: string; readonly tables: ReadonlySet<string> },
) {
  const generation = sample.generate(scale, sandbox)
  const files = await writeFiles(generation.rows, {
    folder,
    tables,
    signal: client.signal,
    onRows: (count) => terminal.progress(`Making rows  ${number(count)}`),
  })
  return { files, truth: generation.truth() }
}

/** Waits for a load under way. */
async function isLoaded(client: Client, terminal: Terminal, { state, batchId }: Place): Promise<boolean> {
  if (batchId !== undefined) return isSuccess(await finishedBatch(client, terminal, batchId))
  return state === 'loaded'
}

async function makeDataset(
  { client, sample, scale }: Installing,
  { wanted }: Place,
): Promise<DatasetDocument> {
  return await createDataset(client, {
    name: wanted.name,
    schema: wanted.schema,
    description: wanted.description,
    tags: {
      'adobe/pqs/table': [wanted.table],
      [sampleTag]: [sample.name],
      [scaleTag]: [scaleText(scale)],
      ...(wanted.tier ? { tier: [wanted.tier] } : {}),
    },
  })
}

async function load(
  client: Client,
  terminal: Terminal,
  { table, datasetId, paths }: { table: string; datasetId: string; paths: readonly string[] },
): Promise<number> {
  const files = []
  for (const path of paths) files.push(await sourceFile(path, 'json'))
  const batch = await loadFiles(client, terminal, { datasetId, files, externalId: batchName })
  if (isSuccess(batch)) return batch.recordCount
  throw new CliError(
    exitCodes.failed,
    `The rows of ${table} were not loaded: the batch ${batch.id} is ${batch.status}. ${batch.errors[0]?.description ?? ''}`.trimEnd(),
    'Call the command again: it goes on with what is missing.',
  )
}

/** What is filled and is the system's own takes nothing more. */
async function seal(client: Client, { wanted, found }: Place): Promise<void> {
  if (wanted.isSystem && found?.classification.managedBy === 'CUSTOMER') await giveToSystem(client, found)
}

function isSuccess({ status }: BatchDocument): boolean {
  return status === 'success' || status === 'active'
}

function installedBefore(place: Place): Installed {
  const rowCount = place.found?.extensions.adobe_lakeHouse.metrics.rowCount ?? 0
  return { place, rowCount, isNew: false }
}

function ledgerText({ sample, scale }: Installing, truth: Truth): string {
  return `${JSON.stringify({ sample: sample.name, scale, ...truth }, undefined, 2)}\n`
}
