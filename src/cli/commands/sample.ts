import { join, resolve } from 'node:path'
import { Argument, type Command } from 'commander'
import type { Sample } from '#samples/sample.ts'
import { samples } from '#samples/samples.ts'
import { type Client, isConflict } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { homeOption, sandboxOption, wholeNumber } from '../options.ts'
import { generate, install, type Installed, type Installing, makeDatasets } from '../samples/install.ts'
import {
  checkSameScale,
  dayCount,
  type GivenScale,
  lastDayOf,
  newScale,
  profileCount,
  scaleText,
} from '../samples/scale.ts'
import { checkNoneTaken, type Place, placesOf, scaleThere } from '../samples/there.ts'
import { readPack, saveTemplates } from '../template-pack.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { counted, number } from '../text.ts'

interface InstallFlags extends PlaceOption, GivenScale {
  readonly dryRun?: boolean
  readonly ledger?: string
}

export function addSample(program: Command, host: CliHost): void {
  const sample = program
    .command('sample')
    .description('invented customers to try everything on')
    .helpCommand(false)
  sample
    .command('install')
    .description('make the datasets of a sample, fill them, and save its queries')
    .addArgument(new Argument('<sample>', 'which one').choices(samples.map(({ name }) => name)))
    .option('--profiles <count>', 'how many people (default: 2,000)', profileCount)
    .option('--days <count>', 'how many days of events (default: journey 30, retail 45)', dayCount)
    .option('--seed <number>', 'another number makes other people (default: 1)', wholeNumber)
    .option('--last-day <day>', 'the last day of events, YYYY-MM-DD (default: yesterday)', lastDayOf)
    .option('--ledger <file>', 'write what is true of the sample, as JSON: counts and answers to its queries')
    .option('--dry-run', 'say what would be made, and make nothing')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
The same scale and seed make the same rows. Called again it says what is there; after an interruption it goes on.

Examples:
  sluice sample install journey
  sluice sample install retail --profiles 100000 --days 90 --ledger truth.json
  sluice sql -c 'SELECT count(*) FROM journey_step_events'`,
    )
    .action(async (name: string, flags: InstallFlags) => {
      const wanted = samples.find((one) => one.name === name)
      if (wanted) await withClient(host, flags, (client) => run(host, client, wanted, flags))
    })
  sample
    .command('list')
    .description('list the samples, and which are there')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .action((flags: PlaceOption) => withClient(host, flags, (client) => list(host, client, flags)))
}

async function run(host: CliHost, client: Client, sample: Sample, flags: InstallFlags): Promise<void> {
  const terminal = createTerminal(host)
  const { sandbox = 'prod', ledger } = flags
  const ledgerPath = ledger === undefined ? undefined : resolve(host.cwd, ledger)
  const look = async (): Promise<{ installing: Installing; places: Place[] }> => {
    const places = await placesOf(client, sample, sandbox)
    checkNoneTaken(sample, places)
    const there = scaleThere(places)
    if (there) checkSameScale(sample, there, flags)
    const scale = there ?? newScale(sample, chosen(flags), new Date())
    return { installing: { client, terminal, sample, scale, sandbox, ledgerPath }, places }
  }
  if (flags.dryRun === true) {
    const { installing, places } = await look()
    await tellPlan(installing, places)
    return
  }
  const { installing, places } = await made(look)
  const installed = await install(installing, places)
  const queries = await saveQueries(client, sample, {
    sandbox,
    folder: join(host.root, 'examples', sample.name),
  })
  tell(installing, installed, queries)
}

/** The datasets, once all are there; who makes them at the same time says with which scale, or this does. */
async function made(
  look: () => Promise<{ readonly installing: Installing; readonly places: Place[] }>,
): Promise<{ readonly installing: Installing; readonly places: readonly Place[] }> {
  for (let tries = 1; ; tries += 1) {
    const { installing, places } = await look()
    try {
      return { installing, places: await makeDatasets(installing, places) }
    } catch (error) {
      // Each time another one is there that was not before.
      if (!isConflict(error) || tries > places.length) throw error
    }
  }
}

/** The sample's queries, with what their parameters are in this sandbox; how many were not there. */
async function saveQueries(
  client: Client,
  sample: Sample,
  { sandbox, folder }: { readonly sandbox: string; readonly folder: string },
): Promise<number> {
  const own = Object.entries(sample.parameters(sandbox))
  const pack = (await readPack(folder)).map((template) => ({
    ...template,
    parameters: {
      ...template.parameters,
      ...Object.fromEntries(own.filter(([key]) => key in template.parameters)),
    },
  }))
  let count = 0
  for await (const { isNew } of saveTemplates(client, pack)) if (isNew) count += 1
  return count
}

/** What was said, without what commander leaves undefined. */
function chosen({ profiles, days, seed, lastDay }: GivenScale): GivenScale {
  return {
    ...(profiles === undefined ? {} : { profiles }),
    ...(days === undefined ? {} : { days }),
    ...(seed === undefined ? {} : { seed }),
    ...(lastDay === undefined ? {} : { lastDay }),
  }
}

async function tellPlan(installing: Installing, places: readonly Place[]): Promise<void> {
  const { terminal, sample, scale } = installing
  const { truth } = await generate(installing, { folder: '', tables: new Set() })
  table(
    terminal,
    places.map((place) => ({
      place,
      rows: truth.rows[place.wanted.table] ?? 0,
      state: place.state === 'loaded' ? 'there' : 'would be made',
    })),
  )
  terminal.note(`Nothing was made. ${sample.name}: ${scaleText(scale)}`)
}

function tell(
  { terminal, sample, scale, ledgerPath }: Installing,
  installed: readonly Installed[],
  queries: number,
): void {
  table(
    terminal,
    installed.map(({ place, rowCount, isNew }) => ({
      place,
      rows: rowCount,
      state: isNew ? 'new' : 'there',
    })),
  )
  const rows = installed.reduce((sum, { rowCount }) => sum + rowCount, 0)
  const isNew = installed.some((one) => one.isNew && one.rowCount > 0)
  terminal.note(
    `The sample ${sample.name} is there${isNew ? '' : ' already'}: ${counted(rows, 'row')} in ${counted(installed.length, 'dataset')} (${scaleText(scale)})${queries > 0 ? `, ${counted(queries, 'new query', 'new queries')}` : ''}.`,
  )
  if (ledgerPath !== undefined) terminal.note(`What is true of it: ${ledgerPath}`)
}

function table(
  terminal: Terminal,
  lines: readonly { readonly place: Place; readonly rows: number; readonly state: string }[],
): void {
  terminal.table(
    [{ title: 'table' }, { title: 'tier' }, { title: 'rows', isNumber: true }, { title: 'state' }],
    lines.map(({ place, rows, state }) => [place.wanted.table, place.wanted.tier ?? '', number(rows), state]),
  )
}

async function list(host: CliHost, client: Client, { sandbox = 'prod' }: PlaceOption): Promise<void> {
  const terminal = createTerminal(host)
  for (const sample of samples) {
    const places = await placesOf(client, sample, sandbox)
    terminal.line(`${sample.name.padEnd(8)} ${sample.description}  (${stateText(places, sandbox)})`)
  }
}

function stateText(places: readonly Place[], sandbox: string): string {
  const scale = scaleThere(places)
  if (scale) return `there in ${sandbox}: ${scaleText(scale)}`
  const taken = places.filter(({ state }) => state === 'taken').map(({ wanted }) => wanted.table)
  return taken.length === 0
    ? 'not there'
    : `not there; ${sandbox} has other tables of its names: ${taken.join(', ')}`
}
