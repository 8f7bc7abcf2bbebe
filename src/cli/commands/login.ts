import type { Command } from 'commander'
import { type PlaceOption, withClient } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption, sandboxOption, wholeNumber } from '../options.ts'
import { requireUser } from '../people.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { instant } from '../text.ts'

const path = '/sluice/v1/sql-logins'

interface Flags extends PlaceOption {
  readonly format: 'table' | 'json'
}

interface Login {
  readonly sqlUser: string
  readonly principalName: string
  readonly createdAt: string
  readonly expiresAt?: string
}

interface NewLogin {
  readonly sqlUser: string
  readonly sqlPassword: string
  readonly expiresAt?: string
}

export function addLogin(program: Command, host: CliHost): void {
  const login = program
    .command('login')
    .description('names and passwords for the PostgreSQL protocol')
    .helpCommand(false)
  login
    .command('list')
    .description('list SQL logins')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice login list')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const { logins } = await client.get<{ logins: Login[] }>(path)
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(logins)
        terminal.table(
          [{ title: 'user' }, { title: 'of' }, { title: 'since' }, { title: 'until' }],
          logins.map((one) => [
            one.sqlUser,
            one.principalName,
            instant(one.createdAt),
            one.expiresAt === undefined ? 'endless' : instant(one.expiresAt),
          ]),
        )
      }),
    )
  login
    .command('create')
    .description('make a SQL login, good for 24 hours; its password is shown once')
    .option('--user <user>', 'for somebody else, by name, e-mail address or id')
    .option('--prefix <text>', 'how its name begins', 'sql')
    .option('--endless', 'it does not expire')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Examples:
  sluice login create --user ann@example.com
  sluice login create --prefix bi --endless --format json`,
    )
    .action((flags: Flags & { user?: string; prefix: string; endless?: boolean }) =>
      withClient(host, flags, async (client) => {
        const user = flags.user === undefined ? undefined : await requireUser(client, flags.user)
        const made = await client.post<NewLogin>(path, {
          prefix: flags.prefix,
          isExpiring: flags.endless !== true,
          ...(user ? { userId: user.id } : {}),
        })
        show(createTerminal(host), made, flags)
      }),
    )
  login
    .command('rotate <sqlUser>')
    .description('make a new password; the old one works on for a while')
    .option(
      '--overlap <hours>',
      'how long the old one works; 0: it ends at once, its sessions too',
      wholeNumber,
      24,
    )
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice login rotate bi_3f2c… --overlap 48')
    .action((sqlUser: string, flags: Flags & { overlap: number }) =>
      withClient(host, flags, async (client) => {
        const at = `${path}/${encodeURIComponent(sqlUser)}/rotation`
        show(createTerminal(host), await client.post<NewLogin>(at, { overlapHours: flags.overlap }), flags)
      }),
    )
  login
    .command('delete <sqlUser>')
    .description('end a SQL login; its sessions end at their next statement')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice login delete bi_3f2c…')
    .action((sqlUser: string, flags: PlaceOption) =>
      withClient(host, flags, async (client) => {
        await client.call('DELETE', `${path}/${encodeURIComponent(sqlUser)}`)
        createTerminal(host).line(`Ended the SQL login ${sqlUser}.`)
      }),
    )
}

function show(terminal: Terminal, made: NewLogin, { format }: Flags): void {
  if (format === 'json') return terminal.json(made)
  terminal.line(`${terminal.style.bold('SQL user')}      ${made.sqlUser}`)
  terminal.line(`${terminal.style.bold('SQL password')}  ${made.sqlPassword}`)
  if (made.expiresAt !== undefined) {
    terminal.line(`${terminal.style.bold('expires')}       ${instant(made.expiresAt)}`)
  }
  terminal.note('The password is not shown again.')
}
