import { join } from 'node:path'
import type { Command } from 'commander'
import { type PlaceOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import type { Client } from '../client.ts'
import { formatOption, homeOption, keyValues, sandboxOption } from '../options.ts'
import { printerFor, type ResultFormat } from '../sql-printer.ts'
import { readResults } from '../sql-results.ts'
import {
  type PackTemplate,
  readPack,
  savedTemplates,
  saveTemplates,
  type TemplateDocument,
} from '../template-pack.ts'
import { createTerminal } from '../terminal.ts'

interface RunFlags extends PlaceOption {
  readonly format: ResultFormat
  readonly set?: Readonly<Record<string, string>>
}

interface ListFlags extends PlaceOption {
  readonly format: 'table' | 'json'
}

export function addTemplate(program: Command, host: CliHost): void {
  const template = program.command('template').description('saved queries with parameters').helpCommand(false)
  const folder = join(host.root, 'examples', 'templates')
  template
    .command('install [name...]')
    .description('save the templates that come with Sluice; those of the same name are replaced')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Without names all are saved. Run one with: sluice template run NAME; over REST (templateId and queryParameters
of POST /data/foundation/query/queries); or by its name within another query: #abandoned_browse

Examples:
  sluice template install
  sluice template install attribution bot_filtering`,
    )
    .action(async (names: string[], flags: PlaceOption) => {
      const wanted = chosen(await readPack(folder), names)
      await withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        for await (const { name, description, isNew } of saveTemplates(client, wanted)) {
          terminal.line(`${isNew ? 'saved   ' : 'replaced'} ${name}  ${description}`)
        }
      })
    })
  template
    .command('run <name>')
    .description('run a saved template and print its rows')
    .option('--set <key=value>', 'instead of a default of the template; repeatable', keyValues)
    .addOption(formatOption(['table', 'csv', 'json']))
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Examples:
  sluice template run attribution
  sluice template run abandoned_browse --set hours=24 --format csv`,
    )
    .action((name: string, flags: RunFlags) =>
      withClient(host, flags, (client) => run(host, client, name, flags)),
    )
  template
    .command('list')
    .description('list saved templates')
    .addOption(formatOption(['table', 'json']))
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice template list')
    .action((flags: ListFlags) =>
      withClient(host, flags, async (client) => {
        const saved = await savedTemplates(client)
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(saved)
        terminal.table(
          [{ title: 'name' }, { title: 'id' }, { title: 'parameters' }],
          saved.map(({ id, name, queryParameters = {} }) => [
            name,
            id,
            Object.entries(queryParameters)
              .map(([key, value]) => `${key}=${value}`)
              .join(' '),
          ]),
        )
      }),
    )
}

async function run(host: CliHost, client: Client, name: string, flags: RunFlags): Promise<void> {
  const found = (await savedTemplates(client)).find((one) => one.name === name)
  if (!found) {
    throw new CliError(
      exitCodes.unknown,
      `There is no template ${JSON.stringify(name)}.`,
      'See them with: sluice template list. Save those that come with Sluice: sluice template install',
    )
  }
  const { sql, queryParameters } = found
  const wrong = Object.keys(flags.set ?? {}).find((key) => !takes(found, key))
  if (wrong !== undefined) {
    const names = Object.keys(queryParameters ?? {})
    throw new CliError(
      exitCodes.usage,
      `The template ${JSON.stringify(name)} has no parameter ${JSON.stringify(wrong)}.`,
      names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`,
    )
  }
  const answer = await client.stream('/sluice/v1/sql', {
    sql,
    database: 'all',
    format: 'table',
    parameters: { ...queryParameters, ...flags.set },
  })
  const printer = printerFor(flags.format, createTerminal(host))
  for await (const event of readResults(answer)) await printer(event)
}

/** One without a default stands in its text alone, and one of a template that it names stands in neither. */
function takes({ sql, queryParameters = {} }: TemplateDocument, key: string): boolean {
  return key in queryParameters || sql.includes(`$${key}`) || /#\w/.test(sql)
}

/** @throws CliError for a name that none has */
function chosen(pack: readonly PackTemplate[], names: readonly string[]): readonly PackTemplate[] {
  const other = names.find((name) => !pack.some((one) => one.name === name))
  if (other !== undefined) {
    throw new CliError(
      exitCodes.unknown,
      `There is no template ${JSON.stringify(other)}.`,
      `There are ${pack.map(({ name }) => name).join(', ')}.`,
    )
  }
  return names.length === 0 ? pack : pack.filter(({ name }) => names.includes(name))
}
