import { Argument, type Command } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption } from '../options.ts'
import type { Credentials } from '../client.ts'
import { createTerminal } from '../terminal.ts'

const path = '/sluice/v1/organizations'

export function addOrganization(program: Command, host: CliHost): void {
  const organization = program
    .command('organization')
    .description('tenants of this server, each with people, sandboxes and data of its own')
    .helpCommand(false)
  organization
    .command('create <name>')
    .description('make an organisation; the credentials of its administrator are shown once')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText('after', "\nExamples:\n  sluice organization create 'Acme' --format json > acme.json")
    .action((name: string, flags: HomeOption & { format: 'table' | 'json' }) =>
      withClient(host, flags, async (client) => {
        const made = await client.post<Credentials>(path, { name })
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(made)
        terminal.table(
          [{ title: '' }, { title: 'value' }],
          [
            ['organization id', made.organizationId],
            ['client id', made.clientId],
            ['client secret', made.clientSecret],
            ['SQL user', made.sqlUser],
            ['SQL password', made.sqlPassword],
          ],
        )
        terminal.note('The secrets are not shown again.')
      }),
    )
  organization
    .command('batch-queries <id>')
    .addArgument(new Argument('<state>', 'whether it may write and schedule').choices(['on', 'off']))
    .description('let an organisation write by SQL and schedule queries, or only SELECT')
    .addOption(homeOption())
    .addHelpText('after', '\nExamples:\n  sluice organization batch-queries 3F2C…@AdobeOrg off')
    .action((id: string, state: 'on' | 'off', flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        const body = { batchQueries: state === 'on' }
        await client.call('PUT', `${path}/${encodeURIComponent(id)}/entitlements`, body)
        createTerminal(host).line(`Batch queries of ${id} are ${state}.`)
      }),
    )
}
