import type { Command } from 'commander'
import { configOf, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { findServer } from '../server-file.ts'
import { createTerminal } from '../terminal.ts'
import { counted, instant, number, span } from '../text.ts'
import { formatOption, homeOption } from '../options.ts'

interface Status {
  readonly version: string
  readonly startedAt: string
  readonly home: string
  readonly http: string
  readonly postgres: string
  readonly problems: readonly string[]
  readonly datasetCount: number
  readonly rowCount: number
  readonly engine: {
    readonly children: readonly { readonly statements: number }[]
    readonly restarts: number
  }
  readonly runs: readonly { readonly kind: string; readonly state: string; readonly count: number }[]
  readonly upkeep: readonly {
    readonly task: string
    readonly isRunning: boolean
    readonly tables: number
    readonly tablesDone: number
    readonly failed: number
    readonly filesRewritten: number
    readonly filesRemoved: number
    readonly lastSuccessAt: string | null
  }[]
  readonly streaming: {
    readonly accepted: number
    readonly refused: number
    readonly duplicates: number
    readonly waitingBytes: number
    readonly batchFailures: number
    readonly passedOver: number
    readonly setAside: number
  }
}

export function addStatus(program: Command, host: CliHost): void {
  program
    .command('status')
    .description('say whether a server runs on the home and what it is doing')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Ends with 0 when a server runs and is well, 1 when it has a problem, 3 when none runs.

Examples:
  sluice status
  sluice status --home /srv/sluice --format json`,
    )
    .action(async (flags: { home?: string; format: 'table' | 'json' }) => {
      const { home } = configOf(host, { home: flags.home })
      const running = await findServer(home)
      if (!running) {
        throw new CliError(exitCodes.unknown, `No server runs on ${home}.`, 'Start one with: sluice serve')
      }
      const status = await withClient(host, flags, (client) => client.get<Status>('/sluice/v1/status'))
      const terminal = createTerminal(host)
      if (flags.format === 'json') terminal.json({ ...status, pid: running.pid })
      else print(terminal, status, running.pid)
      if (status.problems.length > 0) throw new CliError(exitCodes.failed, status.problems.join(' '))
    })
}

/** A sentence each; what is behind them is in the server's log. */
function streamTroubles({ batchFailures, passedOver, setAside }: Status['streaming']): string[] {
  return [
    ...(batchFailures > 0 ? [`no batch could be made ${counted(batchFailures, 'time')} in a row`] : []),
    ...(passedOver > 0 ? [`${counted(passedOver, 'segment')} passed over until the next start`] : []),
    ...(setAside > 0 ? [`${counted(setAside, 'damaged segment')} set aside`] : []),
  ]
}

function print(terminal: ReturnType<typeof createTerminal>, status: Status, pid: number): void {
  const up = span(Date.now() - Date.parse(status.startedAt))
  const { children, restarts } = status.engine
  const { streaming } = status
  const busy = children.reduce((sum, child) => sum + child.statements, 0)
  const rows: [string, string][] = [
    ['Sluice', `${status.version}, process ${pid}, up ${up}`],
    ['home', status.home],
    ['HTTP', `${status.http}   (description at ${status.http}/docs)`],
    ['PostgreSQL', status.postgres],
    ['data', `${counted(status.datasetCount, 'dataset')}, ${counted(status.rowCount, 'row')}`],
    [
      'engine',
      `${counted(children.length, 'process', 'processes')}, ${counted(busy, 'statement')} running, ${counted(restarts, 'restart')}`,
    ],
    [
      'streaming',
      `${counted(streaming.accepted, 'message')} accepted, ${number(streaming.refused)} refused, ${number(streaming.duplicates)} double, ${counted(streaming.waitingBytes, 'byte')} waiting`,
    ],
    ...streamTroubles(streaming).map((trouble): [string, string] => ['', trouble]),
  ]
  for (const [name, value] of rows) terminal.line(`${terminal.style.bold(name.padEnd(11))} ${value}`)
  terminal.line()
  terminal.table(
    [
      { title: 'upkeep' },
      { title: 'now' },
      { title: 'last done' },
      { title: 'failed', isNumber: true },
      { title: 'files rewritten', isNumber: true },
      { title: 'files removed', isNumber: true },
    ],
    status.upkeep.map((task) => [
      task.task,
      task.isRunning ? `${number(task.tablesDone)} of ${counted(task.tables, 'table')}` : 'idle',
      task.lastSuccessAt === null ? 'never' : instant(task.lastSuccessAt),
      number(task.failed),
      number(task.filesRewritten),
      number(task.filesRemoved),
    ]),
  )
  if (status.runs.length === 0) return
  terminal.line()
  terminal.table(
    [{ title: 'runs of' }, { title: 'state' }, { title: 'count', isNumber: true }],
    status.runs.map(({ kind, state, count }) => [kind, state, number(count)]),
  )
}
