import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Client } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import {
  batchesOf,
  columnsOf,
  createDataset,
  deleteDataset,
  listDatasets,
  requireDataset,
  tableOf,
} from '../datasets.ts'
import { CliError, exitCodes, requireYes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { composeSchema, isResourceId } from '../compose-schema.ts'
import { type FileFormat, sampleOf, sourceFile } from '../source-file.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, instant, number } from '../text.ts'
import { addLoad } from './load.ts'
import { columnRows } from '../column-rows.ts'
import { formatOption, homeOption, sandboxOption } from '../options.ts'

interface Flags extends PlaceOption {
  readonly format: 'table' | 'json'
}

interface CreateFlags extends Flags {
  readonly from?: string
  readonly schema?: string
  readonly type?: FileFormat
  readonly class?: string
  readonly group?: readonly string[]
}

export function addDataset(program: Command, host: CliHost): void {
  const dataset = program.command('dataset').description('make, load and show datasets').helpCommand(false)
  addCreate(dataset, host)
  addLoad(dataset, host)
  dataset
    .command('list')
    .description('list all datasets')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice dataset list\n  sluice dataset list --format json')
    .action((flags: Flags) => withClient(host, flags, (client) => list(client, createTerminal(host), flags)))
  dataset
    .command('show <name>')
    .description('show a dataset with its columns and latest batches')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice dataset show web_events')
    .action((name: string, flags: Flags) =>
      withClient(host, flags, (client) => show(client, createTerminal(host), { name, ...flags })),
    )
  addDelete(dataset, host)
}

function addDelete(dataset: Command, host: CliHost): void {
  dataset
    .command('delete <name>')
    .description('delete a dataset with its rows; what was delivered of it stays')
    .option('--yes', 'do it: nothing brings the rows back')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice dataset delete orders --yes')
    .action(async (name: string, flags: PlaceOption & { yes?: boolean }) => {
      requireYes(flags, `The dataset ${name} and all its rows would be gone.`)
      await withClient(host, flags, async (client) => {
        const found = await requireDataset(client, name)
        await deleteDataset(client, found)
        createTerminal(host).line(`Deleted the dataset ${found.name}.`)
      })
    })
}

function addCreate(dataset: Command, host: CliHost): void {
  dataset
    .command('create <name>')
    .description('make a dataset')
    .addOption(new Option('--from <file>', 'take the columns from a file (Parquet, JSON lines, CSV; .gz)'))
    .addOption(
      new Option(
        '--schema <file|id>',
        'take the columns from an XDM schema: a file, or one registered',
      ).conflicts('from'),
    )
    .addOption(
      new Option('--class <class>', 'compose a schema of a class: event, profile or an id').conflicts([
        'from',
        'schema',
      ]),
    )
    .addOption(new Option('--group <group...>', 'and of field groups, by title or id'))
    .addOption(
      new Option('--type <type>', 'what the file of --from holds; guessed by default').choices([
        'parquet',
        'json',
        'csv',
      ]),
    )
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
--from makes the dataset only; load the file with: sluice dataset load

Examples:
  sluice dataset create orders --from orders.csv
  sluice dataset create web_events --schema examples/ga4/schema.json
  sluice dataset create visits --class event --group "Web Details" "Commerce Details"`,
    )
    .action(async (name: string, flags: CreateFlags) => {
      const { from, schema, type } = flags
      if (from === undefined && schema === undefined && flags.class === undefined) {
        throw new CliError(
          exitCodes.usage,
          'The columns are missing.',
          'Give --from FILE, --schema FILE or --class CLASS.',
        )
      }
      const file = from === undefined ? undefined : await sourceFile(resolve(host.cwd, from), type)
      const isFile = schema !== undefined && !isResourceId(schema)
      const local = isFile ? await readSchema(resolve(host.cwd, schema)) : undefined
      await withClient(host, flags, async (client) => {
        const document =
          local ??
          (file
            ? await infer(client, file)
            : flags.class === undefined
              ? schema
              : await composed(client, flags))
        const made = await createDataset(client, {
          name,
          schema:
            typeof document === 'object'
              ? { ...document, title: document['title'] ?? name }
              : (document ?? ''),
        })
        const terminal = createTerminal(host)
        if (flags.format === 'json') terminal.json(made)
        else terminal.line(`Made the dataset ${name} (${made.id}), in SQL: ${tableOf(made)}`)
      })
    })
}

async function composed(client: Client, flags: CreateFlags): Promise<Record<string, unknown>> {
  return await composeSchema(client, { class: flags.class ?? '', groups: flags.group ?? [] })
}

async function readSchema(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(exitCodes.unknown, `The schema ${path} cannot be read (${error.code}).`)
  })
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new CliError(
      exitCodes.usage,
      `The schema ${path} is not JSON: ${error instanceof Error ? error.message : ''}`,
    )
  }
}

/** The schema document of a file, as the server sees it. */
export async function infer(
  client: Client,
  file: Parameters<typeof sampleOf>[0],
): Promise<Record<string, unknown>> {
  const sample = sampleOf(file)
  const query = new URLSearchParams({ fileName: sample.fileName, format: file.format })
  const { schema } = await client.upload<{ schema: Record<string, unknown> }>(
    'POST',
    `/sluice/v1/schema-inference?${query.toString()}`,
    sample.bytes,
  )
  return schema
}

async function list(client: Client, terminal: Terminal, { format }: Flags): Promise<void> {
  const all = await listDatasets(client)
  if (format === 'json') {
    terminal.json(all)
    return
  }
  if (all.length === 0) {
    terminal.note('There are no datasets yet. Make one with: sluice dataset create NAME --from FILE')
    return
  }
  terminal.table(
    [
      { title: 'name' },
      { title: 'table' },
      { title: 'kind' },
      { title: 'rows', isNumber: true },
      { title: 'size', isNumber: true },
      { title: 'created' },
      { title: 'id' },
    ],
    all.map((dataset) => {
      const { rowCount, storageSize } = dataset.extensions.adobe_lakeHouse.metrics
      return [
        dataset.name,
        tableOf(dataset),
        dataset.classification.dataBehavior,
        number(rowCount),
        bytes(storageSize),
        instant(dataset.created),
        dataset.id,
      ]
    }),
  )
}

const batchesShown = 10

async function show(
  client: Client,
  terminal: Terminal,
  { name, format }: Flags & { readonly name: string },
): Promise<void> {
  const dataset = await requireDataset(client, name)
  const schema = await client.get<Record<string, unknown>>(
    `/data/foundation/schemaregistry/tenant/schemas/${encodeURIComponent(dataset.schemaRef.id)}`,
  )
  const batches = await batchesOf(client, dataset.id, { limit: batchesShown })
  if (format === 'json') {
    terminal.json({ ...dataset, schema, batches })
    return
  }
  const { rowCount, storageSize } = dataset.extensions.adobe_lakeHouse.metrics
  const { bold } = terminal.style
  terminal.line(`${bold(dataset.name)}   ${dataset.id}`)
  terminal.line(
    `SQL table ${tableOf(dataset)}, ${dataset.classification.dataBehavior}, ${number(rowCount)} rows, ${bytes(storageSize)}`,
  )
  terminal.line()
  terminal.table(
    [{ title: 'column' }, { title: 'type' }],
    columnRows(await columnsOf(client, tableOf(dataset))),
  )
  if (batches.length === 0) return
  terminal.line()
  terminal.table(
    [
      { title: 'batch' },
      { title: 'state' },
      { title: 'created' },
      { title: 'rows', isNumber: true },
      { title: 'refused', isNumber: true },
    ],
    batches.map((batch) => [
      batch.id,
      batch.status,
      instant(batch.created),
      number(batch.recordCount),
      number(batch.failedRecordCount),
    ]),
  )
}
