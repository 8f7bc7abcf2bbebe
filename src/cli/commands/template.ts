import { join } from 'node:path'
import type { Command } from 'commander'
import { type PlaceOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { homeOption, sandboxOption } from '../options.ts'
import { type PackTemplate, readPack, savedTemplates, saveTemplates } from '../template-pack.ts'
import { harmless } from '../text.ts'
import { createTerminal } from '../terminal.ts'

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
        for await (const { name, description, isNew } of saveTemplates(client, wanted)) {
          terminal.line(`${isNew ? 'saved   ' : 'replaced'} ${name}  ${description}`)
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
        for (const { id, name } of await savedTemplates(client)) terminal.line(`${id}  ${harmless(name)}`)
      })
    })
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
