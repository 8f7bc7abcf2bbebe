import { type Command, Option } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import { requireYes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption } from '../options.ts'
import { createTerminal } from '../terminal.ts'

const path = '/data/foundation/sandbox-management/sandboxes'

interface Sandbox {
  readonly name: string
  readonly title: string
  readonly type: string
  readonly state: string
  readonly createdDate: string
}

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

export function addSandbox(program: Command, host: CliHost): void {
  const sandbox = program
    .command('sandbox')
    .description('spaces with data, names and rights of their own')
    .helpCommand(false)
  sandbox
    .command('list')
    .description('list sandboxes, deleted ones too')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice sandbox list')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const { sandboxes } = await client.get<{ sandboxes: Sandbox[] }>(path)
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(sandboxes)
        terminal.table(
          [{ title: 'name' }, { title: 'title' }, { title: 'type' }, { title: 'state' }, { title: 'since' }],
          sandboxes.map((one) => [one.name, one.title, one.type, one.state, `${one.createdDate} UTC`]),
        )
      }),
    )
  sandbox
    .command('create <name>')
    .description('make an empty sandbox; its name is never used again')
    .option('--title <title>', 'shown to people')
    .addOption(
      new Option('--type <type>', 'type').choices(['development', 'production']).default('development'),
    )
    .addOption(homeOption())
    .addHelpText('after', "\nExamples:\n  sluice sandbox create dev --title 'Development'")
    .action((name: string, flags: HomeOption & { title?: string; type: string }) =>
      withClient(host, flags, async (client) => {
        await client.post(path, { name, title: flags.title ?? name, type: flags.type })
        createTerminal(host).line(`Made the sandbox ${name}.`)
      }),
    )
  sandbox
    .command('rename <name> <title>')
    .description('give a sandbox another title; its name stays')
    .addOption(homeOption())
    .addHelpText('after', "\nExamples:\n  sluice sandbox rename dev 'Try things here'")
    .action((name: string, title: string, flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        await client.call('PATCH', `${path}/${encodeURIComponent(name)}`, { title })
        createTerminal(host).line(`The sandbox ${name} is called ${title}.`)
      }),
    )
  for (const [word, about] of [
    ['reset', 'empty a sandbox: datasets, schemas, queries, flows are gone'],
    ['delete', 'delete a sandbox with everything in it'],
  ] as const) {
    sandbox
      .command(`${word} <name>`)
      .description(about)
      .option('--yes', 'do it: nothing brings the data back')
      .addOption(homeOption())
      .addHelpText('after', `\nExamples:\n  sluice sandbox ${word} dev --yes`)
      .action((name: string, flags: HomeOption & { yes?: boolean }) => {
        requireYes(flags, `Everything in the sandbox ${name} would be gone.`)
        return withClient(host, flags, async (client) => {
          const at = `${path}/${encodeURIComponent(name)}`
          const confirmed = `${at}?confirm=${encodeURIComponent(name)}`
          await (word === 'reset'
            ? client.call('PUT', confirmed, { action: 'reset' })
            : client.call('DELETE', at))
          createTerminal(host).line(
            word === 'reset' ? `The sandbox ${name} is empty.` : `Deleted the sandbox ${name}.`,
          )
        })
      })
  }
}
