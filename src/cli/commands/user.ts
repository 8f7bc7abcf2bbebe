import type { Command } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption } from '../options.ts'
import { changeSubject, listUsers, requireRole, requireUser, type User } from '../people.ts'
import { createTerminal } from '../terminal.ts'
import { instant } from '../text.ts'

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

export function addUser(program: Command, host: CliHost): void {
  const user = program.command('user').description('who there is').helpCommand(false)
  user
    .command('list')
    .description('list users')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice user list\n  sluice user list --format json')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        const users = await listUsers(client)
        if (flags.format === 'json') return terminal.json(users)
        terminal.table(
          [{ title: 'name' }, { title: 'e-mail' }, { title: 'id' }, { title: 'state' }, { title: 'since' }],
          users.map((one) => [
            one.name,
            one.email ?? '',
            one.id,
            one.isEnabled ? 'enabled' : 'disabled',
            instant(one.createdAt),
          ]),
        )
      }),
    )
  user
    .command('create <name>')
    .description('make a user; without a role he may do nothing')
    .option('--email <address>', 'e-mail address')
    .option('--role <role...>', 'give these roles, by name')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Examples:
  sluice user create 'Ann Lee' --email ann@example.com
  sluice user create 'Ann Lee' --role Analysts`,
    )
    .action((name: string, flags: Flags & { email?: string; role?: string[] }) =>
      withClient(host, flags, async (client) => {
        // All roles are looked for before anything is made.
        const roles = await Promise.all((flags.role ?? []).map((role) => requireRole(client, role)))
        const { email } = flags
        const body = { name, ...(email === undefined ? {} : { email }) }
        const made = await client.post<User>('/sluice/v1/users', body)
        for (const role of roles)
          await changeSubject(client, role, { op: 'add', path: '/user', value: made.id })
        const terminal = createTerminal(host)
        if (flags.format === 'json') terminal.json(made)
        else terminal.line(`Made the user ${name} (${made.id}).`)
      }),
    )
  for (const [word, done, about] of [
    ['disable', 'Disabled', 'end the rights and tokens of a user at once'],
    ['enable', 'Enabled', 'give a disabled user his rights back'],
  ] as const) {
    user
      .command(`${word} <name>`)
      .description(about)
      .addOption(homeOption())
      .addHelpText('after', `\nExamples:\n  sluice user ${word} ann@example.com`)
      .action((name: string, flags: HomeOption) =>
        withClient(host, flags, async (client) => {
          const found = await requireUser(client, name)
          await client.post(`/sluice/v1/users/${encodeURIComponent(found.id)}/${word}`)
          createTerminal(host).line(`${done} ${found.name}.`)
        }),
      )
  }
}
