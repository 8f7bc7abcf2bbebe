import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Client } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import { requireDataset } from '../datasets.ts'
import {
  addDestinationOptions,
  type DestinationFlags,
  destinationHelp,
  destinationOf,
} from '../destination.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import {
  createExport,
  failedDelivery,
  figuresOf,
  finishedRun,
  type FlowDocument,
  listFlows,
  one,
  requireFlow,
  type RunDocument,
  runsBeside,
  runsOf,
  startRun,
} from '../flows.ts'
import type { CliHost } from '../host.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, harmless, instant, number, span } from '../text.ts'
import { formatOption, homeOption, sandboxOption } from '../options.ts'
import { addExportState } from './export-state.ts'
import { addRedeliver, type Ahead, aheadText } from './redeliver.ts'

interface Flags extends PlaceOption {
  readonly format: 'table' | 'json'
}

interface RunFlags extends Flags {
  readonly dryRun?: boolean
}

interface CreateFlags extends PlaceOption, DestinationFlags {
  readonly dataset: string
  readonly to: string
  readonly format: keyof typeof fileTypes
  readonly compression?: 'none' | 'gzip' | 'zstd'
  readonly every: Every
  readonly mode: 'incremental' | 'full'
}

/** As the Flow Service says it, and in milliseconds the spans at whose full ones it begins. */
interface Every {
  readonly timeUnit: 'minute' | 'hour' | 'day' | 'week' | 'month' | 'once'
  readonly interval: number
  readonly ms: number
}

export function addExport(program: Command, host: CliHost): void {
  const command = program
    .command('export')
    .description('make, run and show deliveries of datasets')
    .helpCommand(false)
  addCreate(command, host)
  addRedeliver(command, host)
  addExportState(command, host)
  command
    .command('run <name>')
    .description('deliver now; ends with 0 when the delivery is published')
    .addOption(new Option('--dry-run', 'show what would be delivered; nothing is'))
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      '\nExamples:\n  sluice export run nightly\n  sluice export run nightly --dry-run\n  sluice export run nightly --format json',
    )
    .action((name: string, flags: RunFlags) =>
      withClient(host, flags, (client) => run(client, createTerminal(host), { name, ...flags })),
    )
  command
    .command('adopt <name>')
    .description("after a restore: take the destination's word on what was delivered")
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice export adopt nightly')
    .action((name: string, flags: Flags) =>
      withClient(host, flags, (client) => adopt(client, createTerminal(host), { name, ...flags })),
    )
  command
    .command('list')
    .description('list all exports')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice export list')
    .action((flags: Flags) => withClient(host, flags, (client) => list(client, createTerminal(host), flags)))
  command
    .command('show <name>')
    .description('show an export and its latest deliveries')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      '\nExamples:\n  sluice export show nightly\n  sluice export show nightly --format json',
    )
    .action((name: string, flags: Flags) =>
      withClient(host, flags, (client) => show(client, createTerminal(host), { name, ...flags })),
    )
}

const compressions = { none: 'NONE', gzip: 'GZIP', zstd: 'ZSTD' } as const
const fileTypes = { parquet: 'PARQUET', json: 'JSON', csv: 'CSV' } as const
/** As the server takes them: it would name the fields of its own. */
const spans = {
  m: { timeUnit: 'minute', ms: 60_000, intervals: [5, 15, 30] },
  h: { timeUnit: 'hour', ms: 3_600_000, intervals: [1, 2, 3, 6, 8, 9, 12, 24] },
  d: { timeUnit: 'day', ms: 86_400_000, intervals: [1] },
} as const
const everyText = `${Object.entries(spans)
  .flatMap(([letter, { intervals }]) => intervals.map((interval) => `${interval}${letter}`))
  .join(', ')}, week, month or once`
const daily: Every = { timeUnit: 'day', interval: 1, ms: 86_400_000 }

function addCreate(command: Command, host: CliHost): void {
  const create = command
    .command('create <name>')
    .description('make a scheduled export of a dataset')
    .requiredOption('--dataset <dataset>', 'what is delivered: name, table or id')
    .requiredOption(
      '--to <place>',
      'where: a folder on the machine of the server, or s3://, az://, abfss://, gs://, sftp://',
    )
    .addOption(
      new Option('--format <format>', 'of the files').choices(Object.keys(fileTypes)).default('parquet'),
    )
    .addOption(
      new Option('--compression <kind>', 'of the files (default: zstd in Parquet, gzip for text)').choices([
        'none',
        'gzip',
        'zstd',
      ]),
    )
    .addOption(
      new Option('--every <span>', 'how often: 15m, 6h, 1d, week, month, or once')
        .argParser(every)
        .default(daily, '1d, at midnight UTC'),
    )
    .addOption(
      new Option('--mode <mode>', 'incremental: all, then only what is new; full: always all')
        .choices(['incremental', 'full'])
        .default('incremental'),
    )
  addDestinationOptions(create)
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Files come to <place>/<datasetId>/exportTime=YYYYMMDDHHMM/, the manifest last.
The first delivery by the schedule comes at the next full span (UTC; by week and month, at midnight), that of once now.
Deliver at once with: sluice export run
${destinationHelp}
The credentials are sealed in the home's database; they are never shown again.

Examples:
  sluice export create nightly --dataset orders --to /data/out
  sluice export create feed --dataset data_feed --to /data/feed --format json --every 6h
  sluice export create lake --dataset orders --to s3://bucket/out --region eu-west-1
  sluice export create partner --dataset orders --to sftp://us@files.example/in --identity ~/.ssh/id_ed25519`,
    )
    .action(async (name: string, flags: CreateFlags) => {
      const destination = await destinationOf(flags.to, flags, host)
      await withClient(host, flags, async (client) => {
        if ((await listFlows(client)).some((flow) => flow.name === name)) {
          throw new CliError(
            exitCodes.failed,
            `There is an export ${JSON.stringify(name)} already.`,
            'Choose another name, or run it: sluice export run NAME',
          )
        }
        const dataset = await requireDataset(client, flags.dataset)
        const { ms, ...span } = flags.every
        // What comes once comes now.
        const startAt = new Date(
          span.timeUnit === 'once' ? Date.now() : (Math.floor(Date.now() / ms) + 1) * ms,
        )
        const flow = await createExport(client, {
          name,
          datasetId: dataset.id,
          destination,
          fileType: fileTypes[flags.format],
          ...(flags.compression === undefined ? {} : { compression: compressions[flags.compression] }),
          mode: flags.mode,
          every: span,
          startAt,
        })
        const terminal = createTerminal(host)
        terminal.line(`Made the export ${name} (${flow.id}) of ${dataset.name} to ${destination.shown}`)
        terminal.line(`First delivery ${instant(startAt)}; at once with: sluice export run ${name}`)
        for (const warning of flow.warnings) terminal.note(`Warning: ${harmless(warning)}`)
      })
    })
}

function every(text: string): Every {
  const word = text.trim().replace(/^1\s*w$/, 'week')
  if (word === 'week' || word === 'month') return { timeUnit: word, interval: 1, ms: 86_400_000 }
  if (word === 'once') return { timeUnit: word, interval: 0, ms: 1 }
  const [, count, letter] = /^(\d+)\s*(m|h|d)$/.exec(text.trim()) ?? []
  const { timeUnit, ms, intervals } = spans[(letter ?? 'd') as keyof typeof spans]
  const interval = intervals.find((one) => one === Number(count))
  if (interval === undefined) throw new InvalidArgumentError(`expected ${everyText}.`)
  return { timeUnit, interval, ms: interval * ms }
}

async function run(
  client: Client,
  terminal: Terminal,
  { name, format, dryRun = false }: RunFlags & { readonly name: string },
): Promise<void> {
  const flow = await requireFlow(client, name)
  if (dryRun) {
    await tellAhead(client, terminal, { flowId: flow.id, format })
    return
  }
  const startedAt = Date.now()
  const finished = async (runId: string) =>
    await finishedRun(client, runId, (run) => {
      terminal.progress(`Delivering ${name}  ${progressOf(run)}${span(Date.now() - startedAt)}`)
    })
  const first = await finished(await startRun(client, flow.id))
  const done = [first]
  for (const { id } of await runsBeside(client, first)) done.push(await finished(id))
  if (format === 'json') terminal.json(done.length === 1 ? first : done)
  for (const run of done) {
    if (run.metrics.statusSummary.status.toLowerCase() !== 'success')
      throw failedDelivery(`The delivery of ${name}`, run)
    for (const warning of run.sluice?.warnings ?? []) terminal.note(`Warning: ${harmless(warning)}`)
  }
  if (format === 'json') return
  const figures = done.map(figuresOf)
  const [rows, files, size] = (['rows', 'files', 'size'] as const).map((what) =>
    figures.reduce((sum, one) => sum + one[what], 0),
  ) as [number, number, number]
  terminal.line(
    rows === 0
      ? `Published: there was nothing new to deliver (${span(Date.now() - startedAt)})`
      : `Published ${counted(rows, 'row')} in ${counted(files, 'file')}, ${bytes(size)} (${span(Date.now() - startedAt)})`,
  )
  for (const { sluice } of done) {
    const { location, manifest } = sluice?.result ?? {}
    if (location !== undefined && manifest !== undefined) {
      terminal.line(terminal.style.dim(`Manifest ${location.replace(/\/$/, '')}/${manifest}`))
    }
  }
}

async function tellAhead(
  client: Client,
  terminal: Terminal,
  { flowId, format }: Pick<Flags, 'format'> & { readonly flowId: string },
): Promise<void> {
  const { datasets } = await client.post<{
    readonly datasets: readonly (Ahead & { readonly datasetName: string })[]
  }>(`/sluice/v1/exports/${flowId}/dry-run`)
  if (format === 'json') terminal.json(datasets)
  else
    for (const ahead of datasets)
      terminal.line(`Would deliver of ${harmless(ahead.datasetName)} ${aheadText(ahead)}`)
}

function progressOf(run: RunDocument): string {
  const { status, errors = [] } = run.metrics.statusSummary
  const { phase = status, rowCount = 0, rowCountTotal = 0 } = run.sluice?.progress ?? {}
  const rows = rowCountTotal > 0 ? `, ${number(rowCount)} of ${counted(rowCountTotal, 'row')}` : ''
  // It is tried again by itself; why it had to stands here.
  const why = status === 'waiting' && errors[0] ? ` (${errors[0].message})` : ''
  return `${status === 'waiting' ? 'waiting' : phase}${rows}${why}, `
}

async function list(client: Client, terminal: Terminal, { format }: Flags): Promise<void> {
  const flows = await listFlows(client)
  if (format === 'json') {
    terminal.json(flows)
    return
  }
  if (flows.length === 0) {
    terminal.note(
      'There are no exports yet. Make one with: sluice export create NAME --dataset DATASET --to FOLDER',
    )
    return
  }
  const rows: string[][] = []
  for (const flow of flows) {
    const [last] = await runsOf(client, flow.id, 1)
    rows.push([
      flow.name,
      flow.state,
      scheduleText(flow),
      last === undefined ? 'none yet' : `${last.metrics.statusSummary.status}, ${instant(last.createdAt)}`,
      last === undefined ? '' : number(figuresOf(last).rows),
      flow.id,
    ])
  }
  terminal.table(
    [
      { title: 'name' },
      { title: 'state' },
      { title: 'schedule' },
      { title: 'last delivery' },
      { title: 'rows', isNumber: true },
      { title: 'id' },
    ],
    rows,
  )
}

const runsShown = 10

async function show(
  client: Client,
  terminal: Terminal,
  { name, format }: Flags & { readonly name: string },
): Promise<void> {
  const flow = await requireFlow(client, name)
  const runs = await runsOf(client, flow.id, runsShown)
  const target = await one<TargetDocument>(client, 'targetConnections', flow.targetConnectionIds[0] ?? '')
  const source = await one<{ params?: { datasets?: { dataSetId: string; name?: string }[] } }>(
    client,
    'sourceConnections',
    flow.sourceConnectionIds[0] ?? '',
  )
  if (format === 'json') {
    terminal.json({ ...flow, sourceConnection: source, targetConnection: target, runs })
    return
  }
  const { datasetFileType, compression } = target.params ?? {}
  const datasets = (source.params?.datasets ?? []).map(({ name: called = '', dataSetId }) =>
    `${called}   ${dataSetId}`.trim(),
  )
  const lines: [string, string][] = [
    ['export', `${flow.name}   ${flow.id}`],
    ['state', flow.state],
    ...datasets.map((dataset, index): [string, string] => [index === 0 ? 'dataset' : '', dataset]),
    [
      'to',
      `${await placeText(client, target)}   ${[datasetFileType, compression].filter(Boolean).join(', ')}`,
    ],
    ['schedule', scheduleText(flow)],
  ]
  for (const [title, value] of lines) terminal.line(`${terminal.style.bold(title.padEnd(9))} ${value}`)
  if (runs.length === 0) return
  terminal.line()
  terminal.table(
    [
      { title: 'delivery' },
      { title: 'state' },
      { title: 'rows', isNumber: true },
      { title: 'files', isNumber: true },
      { title: 'size', isNumber: true },
      { title: 'run' },
    ],
    runs.map((run) => {
      const { rows, files, size } = figuresOf(run)
      return [
        instant(run.createdAt),
        run.metrics.statusSummary.status,
        number(rows),
        number(files),
        bytes(size),
        run.id,
      ]
    }),
  )
}

interface TargetDocument {
  readonly baseConnectionId?: string
  readonly params?: Readonly<Record<string, unknown>>
}

interface ConnectionDocument {
  readonly auth?: { readonly params?: Readonly<Record<string, unknown>> }
}

/** Where, as far as it is no secret; with the key by which an SFTP server is known. */
async function placeText(
  client: Client,
  { baseConnectionId = '', params = {} }: TargetDocument,
): Promise<string> {
  const connection = await one<ConnectionDocument>(client, 'connections', baseConnectionId)
  const auth = connection.auth?.params ?? {}
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? [value] : [])
  const server = [...text(auth['domain']), ...text(auth['account'])]
  const place = [
    ...server,
    ...['bucketName', 'container', 'path', 'remotePath'].flatMap((key) => text(params[key])),
  ]
  const path = place.join('/').replaceAll(/\/{2,}/g, '/')
  const key = text(auth['hostKey'])
  return key.length === 0 ? path : `${path}   (server's key ${key[0]})`
}

function scheduleText({ scheduleParams }: FlowDocument): string {
  const {
    exportMode,
    interval,
    timeUnit,
    startTime,
    cronExpression,
    timeZone,
    queryScheduleId,
    quietMinutes = 5,
  } = scheduleParams
  const mode = exportMode === 'DAILY_FULL_EXPORT' ? 'full' : 'incremental'
  const from = startTime === undefined ? '' : `, from ${instant(startTime * 1000)}`
  if (interval === 0 || timeUnit === 'once') return `${mode}, once${from}`
  if (timeUnit === 'cron')
    return `${mode}, at ${[cronExpression, timeZone].filter((text) => text !== undefined).join(' ')}${from}`
  if (timeUnit === 'query') return `${mode}, after each run of the query ${queryScheduleId ?? ''}`
  if (timeUnit === 'arrival') return `${mode}, when rows have come and none for ${quietMinutes} minutes`
  return `${mode}, every ${interval === 1 ? '' : `${interval} `}${timeUnit}${interval === 1 ? '' : 's'}${from}`
}

async function adopt(
  client: Client,
  terminal: Terminal,
  { name, format }: Flags & { readonly name: string },
): Promise<void> {
  const flow = await requireFlow(client, name)
  const answer = await client.post<{
    readonly datasets: readonly { datasetId: string; chainNumber?: number; manifest?: string }[]
  }>(`/sluice/v1/exports/${flow.id}/adoption`, {})
  if (format === 'json') {
    terminal.json(answer)
    return
  }
  for (const { datasetId, chainNumber, manifest } of answer.datasets)
    terminal.line(
      chainNumber === undefined
        ? `${datasetId}: no delivery of it lies there.`
        : `${datasetId}: delivery ${chainNumber} is the last one (${manifest}).`,
    )
}
