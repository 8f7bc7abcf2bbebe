import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '#config/config.ts'
import { createClient, type Credentials } from '../client.ts'
import { printReport } from '../commands/verify.ts'
import { configOf, readCredentials } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { announceServer } from '../server-file.ts'
import { number, span } from '../text.ts'
import { compareDeliveries } from './compare.ts'
import { readDeliveries } from './delivered.ts'
import { ensureExport, runExport } from './demo-export.ts'
import { ensureFeed, feedBatch } from './demo-feed.ts'
import { type DemoMemory, freeAddress, readMemory, writeMemory } from './demo-home.ts'
import { loadBatch, loadSource } from './demo-load.ts'
import { connectAsker } from './demo-sql.ts'
import { createNarrator } from './narrator.ts'
import type { Stage } from './stage.ts'

export interface DemoOptions {
  readonly home: string
  /** Ends after the telling. */
  readonly isOnce: boolean
  readonly http?: string
  readonly postgres?: string
}

/**
 * The main job end to end, told step by step. Each step looks at what is there and does only what is missing, so an
 * interrupted demo is carried on, and a finished one only tells what it finds.
 */
export async function runDemo(host: CliHost, options: DemoOptions): Promise<void> {
  const startedAt = performance.now()
  const narrator = createNarrator(host)
  const { terminal } = narrator
  const { bold, dim } = terminal.style
  const config = await demoConfig(host, options)
  terminal.line(`${bold(`Sluice ${host.version}`)}  ${dim(`on ${config.home}`)}`)
  terminal.progress('Starting …')
  await using server = await host.serve(config, { isQuiet: true })
  await using _announced = await announceServer(config.home, server)
  const credentials = await readCredentials(config.home)
  const { http, postgres } = server
  const client = await createClient({ http, postgres, credentials, signal: host.signal })
  await using asker = await connectAsker(postgres, credentials)
  terminal.line(
    dim(`Started in ${span(performance.now() - startedAt)}: HTTP ${http}, PostgreSQL ${postgres}`),
  )
  const stage: Stage = {
    host,
    client,
    asker,
    narrator,
    config,
    examples: join(host.root, 'examples'),
    // Deliveries never go into a home.
    folder: `${config.home}-delivered`,
  }
  await tell(stage)
  host.signal.throwIfAborted()
  howToGoOn(stage, credentials, options)
  if (!options.isOnce) await once(host.signal, 'abort')
}

async function demoConfig(host: CliHost, { home, http, postgres }: DemoOptions): Promise<Config> {
  const config = configOf(host, { home, http, postgres })
  return {
    ...config,
    http: http === undefined ? await freeAddress(config.http) : config.http,
    postgres: postgres === undefined ? await freeAddress(config.postgres) : config.postgres,
  }
}

async function tell(stage: Stage): Promise<void> {
  const { narrator, host } = stage
  const { step } = narrator
  let memory = await step(1, 'Load: real shop events become experience events', () => loadFirst(stage))
  await step(2, 'Ask: sessions and first-touch channel of each person, over the PostgreSQL protocol', () =>
    ask(stage),
  )
  const scheduleId = await step(3, 'Process: a scheduled query makes a feed of sessions', async () => {
    const id = await ensureFeed(stage)
    memory = await feedBatch(stage, { memory, scheduleId: id, batch: 1 })
    return id
  })
  await step(4, 'Deliver: a scheduled export writes files, the manifest last', async () => {
    const flow = await ensureExport(stage)
    const [first] = await readDeliveries(host, stage.folder)
    if (first) narrator.figure('was delivered', number(first.eventIds.length), 'rows, from before')
    else await runExport(stage, flow)
  })
  await step(5, 'Again: three more weeks arrive, and only what is new is delivered', async () => {
    const { plan } = memory
    await loadBatch(stage, { plan, from: plan.boundaryDay, to: plan.endDay, label: 'batch 2' })
    memory = await feedBatch(stage, { memory, scheduleId, batch: 2 })
    await deliverRest(stage)
    await compareDeliveries(stage, memory)
  })
  await step(6, `Verify: sluice verify ${stage.folder}`, () => verify(stage))
}

async function loadFirst(stage: Stage): Promise<DemoMemory> {
  const { home } = stage.config
  const found = await readMemory(home)
  const plan = await loadSource(stage, found?.plan)
  const memory = found ?? { plan, feedDays: [] }
  if (!found) await writeMemory(home, memory)
  await loadBatch(stage, { plan, from: plan.firstDay, to: plan.boundaryDay, label: 'batch 1' })
  return memory
}

async function ask({ asker, narrator, examples }: Stage): Promise<void> {
  const rows = await asker.rows(await readFile(join(examples, 'sessions.sql'), 'utf8'))
  narrator.table(
    [
      { title: 'person' },
      { title: 'sessions', isNumber: true },
      { title: 'events', isNumber: true },
      { title: 'first touch' },
    ],
    rows,
  )
}

/** The second delivery, unless everything in the feed has been delivered. */
async function deliverRest(stage: Stage): Promise<void> {
  const { host, asker, narrator, folder } = stage
  const delivered = await readDeliveries(host, folder)
  const rowCount = delivered.reduce((sum, delivery) => sum + delivery.eventIds.length, 0)
  if (rowCount < (await asker.count('SELECT count(*) FROM data_feed'))) {
    await runExport(stage, await ensureExport(stage))
  } else narrator.figure('was delivered', number(rowCount), 'rows together, from before')
}

async function verify({ host, narrator, folder }: Stage): Promise<void> {
  const report = await host.verify(
    { kind: 'local', params: { path: folder }, shown: folder },
    { signal: host.signal },
  )
  const { text: line, table } = narrator
  printReport({ style: narrator.terminal.style, line, table }, report)
  if (!report.isRight) throw new CliError(exitCodes.failed, 'What was delivered is not right.')
}

function howToGoOn(
  { narrator, client, config, folder }: Stage,
  credentials: Credentials,
  { isOnce }: DemoOptions,
): void {
  const { terminal } = narrator
  const { bold, cyan } = terminal.style
  const line = (label: string, text: string) => narrator.text(`${bold(label.padEnd(9))} ${text}`)
  terminal.line()
  terminal.line(`${bold(cyan('7'))}  ${bold('Go on')}`)
  line('files', folder)
  line('ask', `npx sluice sql --home ${config.home} -c 'SELECT * FROM data_feed LIMIT 10'`)
  if (isOnce) {
    line('serve', `npx sluice serve --home ${config.home}`)
    return
  }
  const { hostname, port } = new URL(`postgres://${client.postgres}`)
  const { sqlUser, sqlPassword } = credentials
  line(
    'psql',
    `PGPASSWORD=${sqlPassword} psql 'host=${hostname} port=${port} user=${sqlUser} dbname=prod:all sslmode=require'`,
  )
  line('HTTP', `${client.http}/docs`)
  terminal.line()
  narrator.text('Serving until Ctrl-C.')
}
