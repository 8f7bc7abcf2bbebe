import { join } from 'node:path'
import type { Command } from 'commander'
import type { Client } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { homeOption, sandboxOption } from '../options.ts'
import { type PackTemplate, readPack } from '../template-pack.ts'
import { harmless } from '../text.ts'
import { createTerminal } from '../terminal.ts'

const api = '/data/foundation/query/query-templates'
const listedMax = 1_000

interface TemplateDocument {
  readonly id: string
  readonly name: string
}

export function addTemplate(program: Command, host: CliHost): void {
  const template = program.command('template').description('saved queries with parameters')
  const folder = join(host.root, 'examples', 'templates')
  template
    .command('install [name...]')
    .description('save the templates that come with Sluice; those of the same name are replaced')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Without names all are saved. Run one by REST (templateId and queryParameters of
POST /data/foundation/query/queries), or by its name within another query: #abandoned_browse

Examples:
  sluice template install
  sluice template install attribution bot_filtering`,
    )
    .action(async (names: string[], flags: PlaceOption) => {
      const wanted = chosen(await readPack(folder), names)
      await withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        const there = await saved(client)
        for (const { name, description, sql, parameters } of wanted) {
          const body = { name, sql, queryParameters: parameters }
          const known = there.find((one) => one.name === name)
          if (known) await client.call('PUT', `${api}/${known.id}`, body)
          else await client.post(api, body)
          terminal.line(`${known ? 'replaced' : 'saved   '} ${name}  ${description}`)
        }
      })
    })
  template
    .command('list')
    .description('list saved templates')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .action(async (flags: PlaceOption) => {
      await withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        for (const { id, name } of await saved(client)) terminal.line(`${id}  ${harmless(name)}`)
      })
    })
}

async function saved(client: Client): Promise<readonly TemplateDocument[]> {
  const { templates } = await client.get<{ templates: readonly TemplateDocument[] }>(
    `${api}?limit=${listedMax}`,
  )
  return templates
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
