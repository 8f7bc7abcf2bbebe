import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { Client } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import { requireDataset } from '../datasets.ts'
import { exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { hasEnded } from '../run-state.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, number, span } from '../text.ts'
import { formatOption, homeOption, sandboxOption, type SetExitCode } from '../options.ts'

const tasks = ['compact', 'expire', 'sweep', 'retain'] as const
type Task = (typeof tasks)[number]

interface Flags extends PlaceOption {
  readonly task: readonly Task[]
  readonly format: 'table' | 'json'
}

interface Run {
  readonly id: string
  readonly task: Task
  readonly state: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly progress: Readonly<Record<string, number>>
  readonly message: string | null
}

const path = '/sluice/v1/maintenance'
const lookEveryMs = 200

export function addMaintain(program: Command, host: CliHost, exit: SetExitCode): void {
  program
    .command('maintain [dataset]')
    .description(
      'keep tables in shape now: compact, expire, sweep, retain; the server does so by itself, too',
    )
    .addOption(
      new Option('--task <task...>', 'only these, in this order').choices(tasks).default([...tasks], 'all'),
    )
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
compact  makes many small files few, sorted by person and time
expire   lets go of states older than lake.retentionMs and of the files that only they had
sweep    removes files that no table knows, three days after they were written
retain   removes rows that are older than their dataset keeps them (rowExpiration)

Ends with 0 when all of it succeeded. Nothing else that can be read changes.

Examples:
  sluice maintain
  sluice maintain web_events --task compact
  sluice maintain --task expire sweep --format json`,
    )
    .action((dataset: string | undefined, flags: Flags) =>
      withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        const runs = await maintain(client, terminal, { ...flags, dataset })
        if (flags.format === 'json') terminal.json(runs)
        else print(terminal, runs)
        const isWhole = runs.every((run) => run.state === 'succeeded' && !run.progress['tablesFailed'])
        if (!isWhole) exit(exitCodes.failed)
      }),
    )
}

async function maintain(
  client: Client,
  terminal: Terminal,
  { dataset, task }: { readonly dataset: string | undefined; readonly task: readonly Task[] },
): Promise<Run[]> {
  const found = dataset === undefined ? undefined : await requireDataset(client, dataset)
  const done: Run[] = []
  for (const one of task) {
    const { runs } = await client.post<{ runs: { id: string }[] }>(path, {
      tasks: [one],
      ...(found ? { dataSetId: found.id } : {}),
    })
    for (const { id } of runs) done.push(await finished(client, terminal, id))
  }
  return done
}

async function finished(client: Client, terminal: Terminal, id: string): Promise<Run> {
  for (;;) {
    const run = await client.get<Run>(`${path}/runs/${id}`)
    if (hasEnded(run)) return run
    const { tables = 0, tablesDone = 0 } = run.progress
    terminal.progress(`${run.task}: ${number(tablesDone)} of ${counted(tables, 'table')}, ${figures(run)}`)
    await delay(lookEveryMs, undefined, { signal: client.signal })
  }
}

function print(terminal: Terminal, runs: readonly Run[]): void {
  terminal.table(
    [
      { title: 'task' },
      { title: 'state' },
      { title: 'tables', isNumber: true },
      { title: 'did' },
      { title: 'took' },
    ],
    runs.map((run) => [
      run.task,
      run.state,
      number(run.progress['tablesDone'] ?? 0),
      figures(run),
      run.startedAt && run.finishedAt ? span(Date.parse(run.finishedAt) - Date.parse(run.startedAt)) : '',
    ]),
  )
  const failures = runs.reduce((sum, run) => sum + (run.progress['tablesFailed'] ?? 0), 0)
  if (failures > 0) terminal.note(`${counted(failures, 'table')} could not be kept up: see the server's log.`)
  for (const run of runs) if (run.message !== null) terminal.note(`${run.task}: ${run.message}`)
}

function figures({ task, progress }: Run): string {
  const { filesRewritten = 0, rowsRewritten = 0, bytesRewritten = 0 } = progress
  const { filesRemoved = 0, snapshotsRemoved = 0, rowsRemoved = 0 } = progress
  if (task === 'compact') {
    return `${counted(filesRewritten, 'file')} rewritten, ${counted(rowsRewritten, 'row')}, ${bytes(bytesRewritten)}`
  }
  const removed = `${counted(filesRemoved, 'file')} removed`
  if (task === 'retain') return `${counted(rowsRemoved, 'row')} and ${removed}`
  return task === 'expire' ? `${counted(snapshotsRemoved, 'snapshot')} and ${removed}` : removed
}
