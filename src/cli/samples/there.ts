import type { Sample, SampleDataset, SampleScale } from '#samples/sample.ts'
import type { Client } from '../client.ts'
import { batchesOf, type DatasetDocument, listDatasets, tableOf } from '../datasets.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { parsedScale } from './scale.ts'

/** Tags on a sample's datasets. */
export const sampleTag = 'sample'
export const scaleTag = 'sample-scale'

const batchesLooked = 100

/** A dataset of a sample and how far it has come. */
export interface Place {
  readonly wanted: SampleDataset
  readonly found?: DatasetDocument
  /** taken: a table of its name is somebody's own. */
  readonly state: 'absent' | 'empty' | 'loading' | 'loaded' | 'taken'
  /** That is being loaded. */
  readonly batchId?: string
}

/** How far the datasets of a sample have come. */
export async function placesOf(client: Client, sample: Sample, sandbox: string): Promise<Place[]> {
  const all = new Map((await listDatasets(client)).map((dataset) => [tableOf(dataset), dataset]))
  const places: Place[] = []
  for (const wanted of sample.datasets(sandbox)) {
    const found = all.get(wanted.table)
    if (!found) places.push({ wanted, state: 'absent' })
    else if (found.tags[sampleTag]?.[0] !== sample.name) places.push({ wanted, state: 'taken' })
    else if (wanted.isEmpty === true) places.push({ wanted, found, state: 'loaded' })
    else places.push({ wanted, found, ...(await stateOf(client, found.id)) })
  }
  return places
}

/** @throws CliError for a table of a sample's that is somebody's own */
export function checkNoneTaken(sample: Sample, places: readonly Place[]): void {
  const [taken] = places.filter(({ state }) => state === 'taken')
  if (!taken) return
  throw new CliError(
    exitCodes.failed,
    `There is a table ${taken.wanted.table} already that is not of the sample ${sample.name}.`,
    'Install the sample in a sandbox of its own: sluice sandbox create NAME, then --sandbox NAME.',
  )
}

/** With which scale the sample is there, be it in part. */
export function scaleThere(places: readonly Place[]): SampleScale | undefined {
  const [text] = places.flatMap(({ found }) => found?.tags[scaleTag] ?? [])
  return text === undefined ? undefined : parsedScale(text)
}

async function stateOf(client: Client, datasetId: string): Promise<Pick<Place, 'state' | 'batchId'>> {
  const batches = await batchesOf(client, datasetId, { limit: batchesLooked })
  if (batches.some(({ status }) => status === 'success' || status === 'active')) return { state: 'loaded' }
  const running = batches.find(({ status }) =>
    ['queued', 'processing', 'staging', 'retrying'].includes(status),
  )
  return running ? { state: 'loading', batchId: running.id } : { state: 'empty' }
}
