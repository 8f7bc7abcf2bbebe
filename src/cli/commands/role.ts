import type { Command } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption } from '../options.ts'
import {
  changeSubject,
  listRoles,
  requireGroup,
  requireRole,
  requireUser,
  type Role,
  rolesPath,
} from '../people.ts'
import { createTerminal } from '../terminal.ts'

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

export function addRole(program: Command, host: CliHost): void {
  const role = program
    .command('role')
    .description('what people and programs may do, and where')
    .helpCommand(false)
  role
    .command('list')
    .description('list roles')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice role list')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        const roles = await listRoles(client)
        if (flags.format === 'json') return terminal.json(roles)
        terminal.table(
          [{ title: 'name' }, { title: 'sandboxes' }, { title: 'permissions' }],
          roles.map((one) => [one.name, one.sandboxes.join(' '), shortened(one.permissionSets)]),
        )
      }),
    )
  role
    .command('show <name>')
    .description('show a role with who has it')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice role show Analysts')
    .action((name: string, flags: Flags) =>
      withClient(host, flags, async (client) => {
        const found = await requireRole(client, name)
        const { items } = await client.get<{ items: { subjectType: string; subjectId: string }[] }>(
          `${rolesPath}/${found.id}/subjects`,
        )
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json({ ...found, subjects: items })
        const rows: [string, string][] = [
          ['role', `${found.name} (${found.id}, ${found.roleType})`],
          ['about', found.description],
          ['sandboxes', found.sandboxes.join(' ')],
          ['permissions', found.permissionSets.join(' ')],
          ...items.map(({ subjectType, subjectId }): [string, string] => [subjectType, subjectId]),
        ]
        for (const [title, text] of rows) terminal.line(`${terminal.style.bold(title.padEnd(14))} ${text}`)
      }),
    )
  addPermissions(role, host)
  addCreate(role, host)
  addChange(role, host)
  for (const [word, op, about] of [
    ['give', 'add', 'give a role to a user, group or API client'],
    ['take', 'remove', 'take a role from a user, group or API client'],
  ] as const) {
    role
      .command(`${word} <role>`)
      .description(about)
      .option('--user <user>', 'name, e-mail address or id')
      .option('--group <group>', 'name or id')
      .option('--client <client>', 'client id')
      .addOption(homeOption())
      .addHelpText('after', `\nExamples:\n  sluice role ${word} Analysts --user ann@example.com`)
      .action((name: string, flags: HomeOption & { user?: string; group?: string; client?: string }) =>
        withClient(host, flags, async (client) => {
          const subjects = [
            ...(flags.user === undefined
              ? []
              : [{ path: '/user', value: (await requireUser(client, flags.user)).id }]),
            ...(flags.group === undefined
              ? []
              : [{ path: '/user-group', value: (await requireGroup(client, flags.group)).id }]),
            ...(flags.client === undefined ? [] : [{ path: '/api-credential', value: flags.client }]),
          ]
          if (subjects.length === 0) {
            throw new CliError(exitCodes.usage, 'To whom?', 'Say --user, --group or --client.')
          }
          const found = await requireRole(client, name)
          for (const subject of subjects) await changeSubject(client, found, { op, ...subject })
          createTerminal(host).line(`${op === 'add' ? 'Gave' : 'Took'} the role ${found.name}.`)
        }),
      )
  }
  role
    .command('delete <name>')
    .description('delete a role; the rights it gave end at once')
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice role delete Analysts')
    .action((name: string, flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        const found = await requireRole(client, name)
        await client.call('DELETE', `${rolesPath}/${found.id}`)
        createTerminal(host).line(`Deleted the role ${found.name}.`)
      }),
    )
}

function addPermissions(role: Command, host: CliHost): void {
  role
    .command('permissions')
    .description('list the permissions that a role may give')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice role permissions')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const { permissions } = await client.get<{ permissions: Record<string, unknown> }>(
          '/data/foundation/access-control/acl/reference',
        )
        const names = Object.keys(permissions).toSorted()
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(names)
        for (const name of names) terminal.line(name)
      }),
    )
}

function addChange(role: Command, host: CliHost): void {
  role
    .command('change <name>')
    .description('change what a role gives, and where; it holds at once')
    .option('--add <permission...>', 'give these permissions too', [])
    .option('--remove <permission...>', 'give these no more', [])
    .option('--sandbox <sandbox...>', "in these sandboxes and no others; '*' is everywhere")
    .option('--rename <name>', 'another name')
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Examples:
  sluice role change Analysts --add manage-datasets --remove view-alerts
  sluice role change Analysts --sandbox prod dev`,
    )
    .action((name: string, flags: ChangeFlags) =>
      withClient(host, { home: flags.home }, async (client) => {
        const operations = [
          ...flags.add.map((value) => ({ op: 'add', path: '/permissionSets/-', value })),
          ...flags.remove.map((value) => ({ op: 'remove', path: '/permissionSets', value })),
          ...(flags.sandbox === undefined
            ? []
            : [{ op: 'replace', path: '/sandboxes', value: flags.sandbox }]),
          ...(flags.rename === undefined ? [] : [{ op: 'replace', path: '/name', value: flags.rename }]),
        ]
        if (operations.length === 0) {
          throw new CliError(
            exitCodes.usage,
            'Nothing would change.',
            'Say --add, --remove, --sandbox or --rename.',
          )
        }
        const found = await requireRole(client, name)
        const other = flags.remove.find((permission) => !found.permissionSets.includes(permission))
        if (other !== undefined) {
          throw new CliError(
            exitCodes.unknown,
            `The role ${JSON.stringify(found.name)} does not give ${JSON.stringify(other)}; nothing was changed.`,
            found.permissionSets.length === 0
              ? 'It gives nothing.'
              : `It gives ${found.permissionSets.join(', ')}.`,
          )
        }
        await client.call('PATCH', `${rolesPath}/${found.id}`, operations)
        createTerminal(host).line(`Changed the role ${flags.rename ?? found.name}.`)
      }),
    )
}

interface ChangeFlags extends HomeOption {
  readonly add: readonly string[]
  readonly remove: readonly string[]
  readonly sandbox?: readonly string[]
  readonly rename?: string
}

function addCreate(role: Command, host: CliHost): void {
  role
    .command('create <name>')
    .description('make a role: permissions in sandboxes')
    .requiredOption(
      '--permission <permission...>',
      'what it gives, such as view-datasets; all: sluice role permissions',
    )
    .option('--sandbox <sandbox...>', "where; '*' is everywhere", ['prod'])
    .option('--about <text>', 'what it is for', '')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Examples:
  sluice role create Analysts --permission view-datasets manage-queries
  sluice role create Loaders --permission manage-datasets --sandbox prod dev`,
    )
    .action((name: string, flags: Flags & { permission: string[]; sandbox: string[]; about: string }) =>
      withClient(host, { home: flags.home }, async (client) => {
        const made = await client.post<Role>(rolesPath, {
          name,
          description: flags.about,
          roleType: 'user-defined',
          permissionSets: flags.permission,
          sandboxes: flags.sandbox,
        })
        const terminal = createTerminal(host)
        if (flags.format === 'json') terminal.json(made)
        else terminal.line(`Made the role ${name} (${made.id}).`)
      }),
    )
}

const shownMax = 3

function shortened(names: readonly string[]): string {
  const rest = names.length - shownMax
  return rest > 0 ? `${names.slice(0, shownMax).join(' ')} and ${rest} more` : names.join(' ')
}
