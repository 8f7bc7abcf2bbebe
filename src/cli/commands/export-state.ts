import type { Command } from 'commander'
import { type PlaceOption, withClient } from '../connect.ts'
import { requireYes } from '../exit-code.ts'
import { deleteExport, requireFlow, switchFlow } from '../flows.ts'
import type { CliHost } from '../host.ts'
import { homeOption, sandboxOption } from '../options.ts'
import { createTerminal } from '../terminal.ts'

/** `export enable`, `export disable` and `export delete`. */
export function addExportState(command: Command, host: CliHost): void {
  for (const [word, about] of [
    ['disable', 'hold an export: its schedule makes no runs until it is enabled'],
    ['enable', 'let the schedule of a disabled export go on'],
  ] as const) {
    command
      .command(`${word} <name>`)
      .description(about)
      .addOption(sandboxOption())
      .addOption(homeOption())
      .addHelpText('after', `\nExamples:\n  sluice export ${word} nightly`)
      .action((name: string, flags: PlaceOption) =>
        withClient(host, flags, async (client) => {
          const flow = await requireFlow(client, name)
          await switchFlow(client, flow, word)
          createTerminal(host).line(`The export ${flow.name} is ${word}d.`)
        }),
      )
  }
  command
    .command('delete <name>')
    .description('delete an export with its account; what was delivered stays')
    .option('--yes', 'do it: a new export begins with everything again')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice export delete nightly --yes')
    .action(async (name: string, flags: PlaceOption & { yes?: boolean }) => {
      const instead = ' To hold it for a while: sluice export disable NAME'
      requireYes(flags, `The export ${name} and its account would be gone.`, instead)
      await withClient(host, flags, async (client) => {
        const flow = await requireFlow(client, name)
        await deleteExport(client, flow)
        createTerminal(host).line(`Deleted the export ${flow.name}; the files it delivered stay.`)
      })
    })
}
