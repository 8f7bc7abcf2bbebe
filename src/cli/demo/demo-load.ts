import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { infer } from '../commands/dataset.ts'
import { loadFiles } from '../commands/load.ts'
import { createDataset, findDataset } from '../datasets.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { sourceFile } from '../source-file.ts'
import { bytes, number } from '../text.ts'
import { runStatements } from './demo-sql.ts'
import { type DemoPlan, planDemo } from './plan.ts'
import type { Stage } from './stage.ts'

/** The sample as it came, in a dataset of its own; the plan of an earlier start holds. */
export async function loadSource(stage: Stage, planned: DemoPlan | undefined): Promise<DemoPlan> {
  const { client, asker, narrator, examples } = stage
  const file = await sourceFile(join(examples, 'ga4', 'events.parquet'), 'parquet')
  const found = await findDataset(client, 'ga4_events')
  const dataset =
    found ??
    (await createDataset(client, {
      name: 'ga4_events',
      schema: { ...(await infer(client, file)), title: 'ga4_events' },
    }))
  let count = await asker.count('SELECT count(*) FROM ga4_events')
  if (count === 0) {
    const batch = await loadFiles(client, narrator.terminal, { datasetId: dataset.id, files: [file] })
    if (batch.status !== 'success') {
      throw new CliError(
        exitCodes.failed,
        `The sample was not loaded: ${batch.errors[0]?.description ?? batch.status}`,
      )
    }
    count = await asker.count('SELECT count(*) FROM ga4_events')
  }
  const [row = []] = await asker.rows('SELECT min(event_timestamp), max(event_timestamp) FROM ga4_events')
  const [oldestAt, newestAt] = row.map((micros) => new Date(Number(micros) / 1_000)) as [Date, Date]
  const plan = planned ?? planDemo({ oldestAt, newestAt }, new Date())
  narrator.figure(
    'events in the sample',
    number(count),
    `Google Analytics 4, ${bytes(file.bytes)} of Parquet, ${dayOf(oldestAt)} to ${dayOf(newestAt)}`,
  )
  narrator.figure('moved by', number(plan.shiftDays), `days, so that the newest lies on ${plan.lastDay}`)
  if (!(await findDataset(client, 'web_events'))) {
    const schema = JSON.parse(await readFile(join(examples, 'ga4', 'schema.json'), 'utf8')) as Record<
      string,
      unknown
    >
    await createDataset(client, { name: 'web_events', schema })
  }
  return plan
}

/** Maps the events of some days into `web_events`, unless they are there. Such a batch is there whole or not at all. */
export async function loadBatch(
  { client, asker, narrator, examples }: Stage,
  batch: { readonly plan: DemoPlan; readonly from: string; readonly to: string; readonly label: string },
): Promise<void> {
  const { plan, from, to, label } = batch
  const count = `SELECT count(*) FROM web_events
    WHERE timestamp >= cast('${from}' AS timestamp) AND timestamp < cast('${to}' AS timestamp)`
  const there = await asker.count(count)
  if (there > 0) {
    narrator.figure(`${label} is there`, number(there), `events of ${from} to the day before ${to}`)
    return
  }
  const mapping = await readFile(join(examples, 'ga4', 'mapping.sql'), 'utf8')
  await runStatements(client, `INSERT INTO web_events\n${mapping}`, {
    shift_days: plan.shiftDays,
    from_day: from,
    to_day: to,
  })
  narrator.figure(
    label,
    number(await asker.count(count)),
    `events of ${from} to the day before ${to}, by examples/ga4/mapping.sql`,
  )
}

const dayOf = (at: Date) => at.toISOString().slice(0, 10)
