import type { Command } from 'commander'
import type { Client } from '../client.ts'
import { type HomeOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption, positiveNumber, wholeNumber } from '../options.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { instant } from '../text.ts'

const path = '/sluice/v1/api-clients'

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

interface ApiClient {
  readonly clientId: string
  readonly name: string
  readonly createdAt: string
  readonly isRevoked: boolean
  readonly secrets: readonly { readonly expiresAt?: string }[]
}

interface NewSecret {
  readonly clientId: string
  readonly clientSecret: string
  readonly expiresAt?: string
}

export function addApiClient(program: Command, host: CliHost): void {
  const command = program
    .command('client')
    .description('API clients: what programs sign in with')
    .helpCommand(false)
  command
    .command('list')
    .description('list API clients')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice client list')
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const clients = await listApiClients(client)
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(clients)
        terminal.table(
          [
            { title: 'name' },
            { title: 'client id' },
            { title: 'state' },
            { title: 'secrets' },
            { title: 'since' },
          ],
          clients.map((one) => [
            one.name,
            one.clientId,
            one.isRevoked ? 'revoked' : 'active',
            one.secrets
              .map(({ expiresAt }) => (expiresAt ? `until ${instant(expiresAt)}` : 'endless'))
              .join(', '),
            instant(one.createdAt),
          ]),
        )
      }),
    )
  command
    .command('create <name>')
    .description('make an API client; its secret is shown once')
    .option('--role <role...>', 'give these roles, by name', [])
    .option('--days <days>', 'the secret expires after so many days', positiveNumber)
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', '\nExamples:\n  sluice client create nightly-load --role Loaders --days 365')
    .action((name: string, flags: Flags & { role: string[]; days?: number }) =>
      withClient(host, flags, async (client) => {
        const body = {
          name,
          roles: flags.role,
          ...(flags.days === undefined ? {} : { expiresInDays: flags.days }),
        }
        show(createTerminal(host), await client.post<NewSecret>(path, body), flags)
      }),
    )
  command
    .command('rotate <client>')
    .description('make a new secret; the old one works on for a while')
    .option(
      '--overlap <hours>',
      'how long the old one works; 0: it ends at once, tokens too',
      wholeNumber,
      24,
    )
    .option('--days <days>', 'the new secret expires after so many days', positiveNumber)
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      '\nBy name or client id.\n\nExamples:\n  sluice client rotate nightly-load --overlap 48',
    )
    .action((name: string, flags: Flags & { overlap: number; days?: number }) =>
      withClient(host, flags, async (client) => {
        const { clientId } = await requireApiClient(client, name)
        const body = {
          overlapHours: flags.overlap,
          ...(flags.days === undefined ? {} : { expiresInDays: flags.days }),
        }
        const at = `${path}/${encodeURIComponent(clientId)}/rotation`
        show(createTerminal(host), await client.post<NewSecret>(at, body), flags)
      }),
    )
  command
    .command('revoke <client>')
    .description('end an API client and its tokens at once')
    .addOption(homeOption())
    .addHelpText('after', '\nBy name or client id.\n\nExamples:\n  sluice client revoke nightly-load')
    .action((name: string, flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        const { clientId } = await requireApiClient(client, name)
        await client.call('DELETE', `${path}/${encodeURIComponent(clientId)}`)
        createTerminal(host).line(`Revoked the client ${clientId}.`)
      }),
    )
}

async function listApiClients(client: Client): Promise<readonly ApiClient[]> {
  return (await client.get<{ clients: ApiClient[] }>(path)).clients
}

/** By name or client id. @throws CliError 'unknown' */
async function requireApiClient(client: Client, name: string): Promise<ApiClient> {
  const all = await listApiClients(client)
  const found = all.filter((one) => one.clientId === name || (one.name === name && !one.isRevoked))
  const [first] = found
  if (first && found.length === 1) return first
  throw new CliError(
    exitCodes.unknown,
    first
      ? `Several API clients are called ${JSON.stringify(name)}.`
      : `There is no API client ${JSON.stringify(name)}.`,
    first ? 'Name one by its client id.' : 'See them with: sluice client list',
  )
}

function show(terminal: Terminal, made: NewSecret, { format }: Flags): void {
  if (format === 'json') return terminal.json(made)
  terminal.line(`${terminal.style.bold('client id')}      ${made.clientId}`)
  terminal.line(`${terminal.style.bold('client secret')}  ${made.clientSecret}`)
  if (made.expiresAt !== undefined) {
    terminal.line(`${terminal.style.bold('expires')}        ${instant(made.expiresAt)}`)
  }
  terminal.note('The secret is not shown again.')
}
