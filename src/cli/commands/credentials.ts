import type { Command } from 'commander'
import { homePaths } from '#config/home.ts'
import { configOf, readCredentials, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { findServer } from '../server-file.ts'
import { createTerminal } from '../terminal.ts'
import { formatOption, homeOption } from '../options.ts'

export function addCredentials(program: Command, host: CliHost): void {
  program
    .command('credentials')
    .description('print what programs sign in with')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .option('--rotate', 'make new secrets first; the old ones and all tokens end at once')
    .addHelpText(
      'after',
      `
They are made at the first start and kept in credentials.json of the home, readable by its owner only.

Examples:
  sluice credentials
  sluice credentials --format json
  sluice credentials --rotate
  PGPASSWORD=$(sluice credentials --format json | jq -r .sqlPassword) psql …`,
    )
    .action(async (flags: { home?: string; format: 'table' | 'json'; rotate?: boolean }) => {
      const { home } = configOf(host, { home: flags.home })
      if (flags.rotate) await rotate(host, flags.home)
      const credentials = await readCredentials(home).catch(async (error: unknown) => {
        // A new home: its first start makes them.
        if (!(error instanceof CliError && error.exitCode === exitCodes.unknown)) throw error
        await withClient(host, flags, async () => {})
        return await readCredentials(home)
      })
      const terminal = createTerminal(host)
      if (flags.format === 'json') {
        terminal.json(credentials)
        return
      }
      const rows = [
        ['organization id', credentials.organizationId, 'header x-gw-ims-org-id'],
        ['client id', credentials.clientId, 'header x-api-key, and for a token'],
        ['client secret', credentials.clientSecret, 'for a token, at /ims/token/v3'],
        ['SQL user', credentials.sqlUser, 'PostgreSQL protocol'],
        ['SQL password', credentials.sqlPassword, 'PostgreSQL protocol'],
      ]
      terminal.table([{ title: '' }, { title: 'value' }, { title: 'for' }], rows)
      terminal.note(terminal.style.dim(`from ${homePaths(home).credentials}`))
    })
}

async function rotate(host: CliHost, home: string | undefined): Promise<void> {
  const config = configOf(host, { home })
  const isRunning = (await findServer(config.home)) !== undefined
  if (isRunning) await withClient(host, config, (client) => client.post('/sluice/v1/credentials/rotation'))
  else await host.rotateCredentials(config)
}
