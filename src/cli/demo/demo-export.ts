import { requireDataset } from '../datasets.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { createExport, figuresOf, finishedRun, type FlowDocument, listFlows, startRun } from '../flows.ts'
import { bytes, counted, instant, number } from '../text.ts'
import type { Stage } from './stage.ts'

const exportName = 'data feed'
const dayMs = 86_400_000

/** The scheduled export of the feed, made when there is none. */
export async function ensureExport({ client, narrator, folder }: Stage): Promise<FlowDocument> {
  const found = (await listFlows(client)).find((flow) => flow.name === exportName)
  if (found) return found
  const dataset = await requireDataset(client, 'data_feed')
  const startAt = new Date((Math.floor(Date.now() / dayMs) + 1) * dayMs)
  const flow = await createExport(client, {
    name: exportName,
    datasetId: dataset.id,
    destination: { kind: 'local', params: { path: folder }, shown: folder },
    fileType: 'PARQUET',
    mode: 'incremental',
    every: { timeUnit: 'day', interval: 1 },
    startAt,
  })
  narrator.text(`every day from ${instant(startAt)}, to ${folder}; run now`)
  return flow
}

export async function runExport({ client, narrator }: Stage, flow: FlowDocument): Promise<void> {
  const run = await finishedRun(client, await startRun(client, flow.id), () => {})
  const { status, errors = [] } = run.metrics.statusSummary
  if (status.toLowerCase() !== 'success') {
    throw new CliError(
      exitCodes.failed,
      `The delivery ended as ${status}: ${errors[0]?.message ?? 'no reason given'}`,
    )
  }
  const { rows, files, size } = figuresOf(run)
  narrator.figure('delivered', number(rows), `rows in ${counted(files, 'file')}, ${bytes(size)}`)
}
