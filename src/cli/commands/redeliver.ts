import { setTimeout as delay } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Client } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import { failedDelivery, figuresOf, finishedRun, one, requireFlow } from '../flows.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption, sandboxOption } from '../options.ts'
import { hasEnded } from '../run-state.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, number } from '../text.ts'

interface RepeatFlags extends PlaceOption {
  readonly dryRun?: boolean
  readonly format: 'table' | 'json'
}

interface BackfillFlags extends RepeatFlags {
  readonly from: Date
  readonly to: Date
  readonly window: number
}

export interface Ahead {
  readonly from?: string
  readonly before?: string
  readonly rowCount: number
  readonly fileCount: number
  readonly bytes: number
  readonly location: string
  readonly folder: string
}

interface WindowRun {
  readonly datasetId: string
  readonly from: string
  readonly before: string
  readonly runId: string
  readonly state: string
  readonly rowCount?: number
  readonly message?: string
}

const windowsAtOnce = 1_000
const lookEveryMs = 500

/** `export rerun` and `export backfill`. */
export function addRedeliver(command: Command, host: CliHost): void {
  const withCommonOptions = (own: Command): Command =>
    own
      .addOption(new Option('--dry-run', 'show what would be delivered; nothing is'))
      .addOption(sandboxOption())
      .addOption(homeOption())
      .addOption(formatOption(['table', 'json']))
  withCommonOptions(
    command
      .command('rerun <run>')
      .description('deliver the rows of a published run again; ends with 0 when they are published'),
  )
    .addHelpText(
      'after',
      '\nThe next delivery is as it would have been. Runs are listed by: sluice export show NAME\n\nExamples:\n  sluice export rerun 4b7728dd-3e4c-4d5e-9a05-0c1d2e3f4a5b --dry-run',
    )
    .action((run: string, flags: RepeatFlags) =>
      withClient(host, flags, (client) => rerun(client, createTerminal(host), { run, ...flags })),
    )
  withCommonOptions(
    command
      .command('backfill <name>')
      .description('deliver rows by their own time, a run for each window, beside the live runs')
      .addOption(
        new Option('--from <time>', 'first time of rows, in UTC').argParser(time).makeOptionMandatory(),
      )
      .addOption(
        new Option('--to <time>', 'first time that is not delivered').argParser(time).makeOptionMandatory(),
      )
      .addOption(new Option('--window <span>', 'of one run: 1d, 6h').argParser(hours).default(24, '1d')),
  )
    .addHelpText(
      'after',
      '\nAsked again it delivers only the windows that were not delivered.\n\nExamples:\n  sluice export backfill nightly --from 2026-01-01 --to 2026-02-01 --window 7d',
    )
    .action((name: string, flags: BackfillFlags) =>
      withClient(host, flags, (client) => backfill(client, createTerminal(host), { name, ...flags })),
    )
}

function time(text: string): Date {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text) ? new Date(text) : undefined
  if (at && !Number.isNaN(at.getTime())) return at
  throw new InvalidArgumentError('expected a day such as 2026-01-31, or a time such as 2026-01-31T06:00:00Z.')
}

function hours(text: string): number {
  const match = /^([1-9]\d{0,4})\s*(h|d)$/.exec(text.trim())
  if (!match) throw new InvalidArgumentError('expected a span such as 6h or 7d.')
  return Number(match[1]) * (match[2] === 'd' ? 24 : 1)
}

async function rerun(
  client: Client,
  terminal: Terminal,
  { run, dryRun = false, format }: RepeatFlags & { readonly run: string },
): Promise<void> {
  const answer = await client.post<{ readonly runId?: string; readonly plan?: Ahead }>(
    `/sluice/v1/exports/runs/${encodeURIComponent(run)}/repeat`,
    { isDryRun: dryRun },
  )
  if (answer.plan) {
    if (format === 'json') terminal.json(answer.plan)
    else terminal.line(`Would deliver ${aheadText(answer.plan)}`)
    return
  }
  const done = await finishedRun(client, answer.runId ?? '', ({ sluice }) =>
    terminal.progress(`Delivering ${run} again  ${sluice?.progress?.phase ?? 'waiting'}`),
  )
  if (format === 'json') terminal.json(done)
  if (done.metrics.statusSummary.status.toLowerCase() !== 'success')
    throw failedDelivery('The delivery', done)
  const { rows, files, size } = figuresOf(done)
  if (format === 'table')
    terminal.line(
      `Published ${counted(rows, 'row')} in ${counted(files, 'file')}, ${bytes(size)}, as run ${done.id}`,
    )
}

export function aheadText({ rowCount, fileCount, bytes: size, location, folder }: Ahead): string {
  return `${counted(rowCount, 'row')} in about ${counted(fileCount, 'file')} (about ${bytes(size)}) to ${location.replace(/\/$/, '')}/${folder}`
}

async function backfill(
  client: Client,
  terminal: Terminal,
  { name, from, to, window, dryRun = false, format }: BackfillFlags & { readonly name: string },
): Promise<void> {
  const flow = await requireFlow(client, name)
  const source = await one<{ params?: { datasets?: { dataSetId: string }[] } }>(
    client,
    'sourceConnections',
    flow.sourceConnectionIds[0] ?? '',
  )
  const path = `/sluice/v1/exports/${flow.id}/backfill`
  const answer = await client.post<{
    readonly windows?: readonly WindowRun[]
    readonly plans?: readonly Ahead[]
  }>(path, {
    datasetIds: (source.params?.datasets ?? []).map(({ dataSetId }) => dataSetId),
    from: from.toISOString(),
    before: to.toISOString(),
    windowHours: window,
    isDryRun: dryRun,
  })
  if (answer.plans) {
    if (format === 'json') terminal.json(answer.plans)
    else if (answer.plans.length === 0)
      terminal.line('Nothing: all windows have been delivered, or are about to be.')
    else for (const plan of answer.plans) terminal.line(`${plan.from} to ${plan.before}: ${aheadText(plan)}`)
    return
  }
  const ids = new Set((answer.windows ?? []).map(({ runId }) => runId))
  const done = await finishedWindows(client, terminal, path, ids)
  if (format === 'json') terminal.json(done)
  else
    terminal.table(
      [
        { title: 'from' },
        { title: 'to' },
        { title: 'state' },
        { title: 'rows', isNumber: true },
        { title: 'run' },
      ],
      done.map((run) => [run.from, run.before, run.state, number(run.rowCount ?? 0), run.runId]),
    )
  const failed = done.filter(({ state }) => state !== 'succeeded')
  if (failed.length > 0)
    throw new CliError(
      exitCodes.failed,
      `${failed.length} of ${counted(done.length, 'window')} were not delivered. ${failed[0]?.message ?? ''}`.trimEnd(),
      'Ask again: only those are delivered then.',
    )
}

/** Until all of them are over. */
async function finishedWindows(
  client: Client,
  terminal: Terminal,
  path: string,
  ids: ReadonlySet<string>,
): Promise<readonly WindowRun[]> {
  for (;;) {
    const ours = (await allWindows(client, path)).filter(({ runId }) => ids.has(runId))
    const over = ours.filter(hasEnded)
    if (over.length === ours.length) return ours
    terminal.progress(`Delivering windows  ${over.length} of ${ours.length}`)
    await delay(lookEveryMs, undefined, { signal: client.signal })
  }
}

async function allWindows(client: Client, path: string): Promise<readonly WindowRun[]> {
  const all: WindowRun[] = []
  for (;;) {
    const { windows } = await client.get<{ readonly windows: readonly WindowRun[] }>(
      `${path}?limit=${windowsAtOnce}&offset=${all.length}`,
    )
    all.push(...windows)
    if (windows.length < windowsAtOnce) return all
  }
}
