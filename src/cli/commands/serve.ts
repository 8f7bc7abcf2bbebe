import { once } from 'node:events'
import { type Command, Option } from 'commander'
import type { Config } from '#config/config.ts'
import { type Setting, settings } from '#config/settings.ts'
import { configOf } from '../connect.ts'
import type { CliHost } from '../host.ts'
import { announceServer } from '../server-file.ts'

export function addServe(program: Command, host: CliHost): void {
  const command = program.command('serve').description('serve until Ctrl-C or SIGTERM')
  for (const setting of settings) {
    const { flag, about, isHidden, variable, isSecret } = setting
    if (isHidden || isSecret) continue // Secrets do not belong on a command line.
    const said = isGiven(setting.default) ? `${variable}, default ${setting.default}` : variable
    command.addOption(new Option(`${flag} <value>`, `${about} (${said})`))
  }
  command
    .addHelpText(
      'after',
      `
When it serves, one JSON line stands on standard output:
  {"ready":true,"http":"http://127.0.0.1:8710","postgres":"127.0.0.1:8732"}
Logs go to standard error: readable on a terminal, else JSON lines.
The first Ctrl-C or SIGTERM stops cleanly, a second one at once.
What holds on a home, and where it comes from: sluice config

Examples:
  sluice serve
  sluice serve --home /srv/sluice --http 127.0.0.1:9000 --postgres 127.0.0.1:9001
  sluice serve --http 127.0.0.1:0 --postgres 127.0.0.1:0    ports of the system's choice
  DATABASE_URL=postgres://… sluice serve                    metadata in a PostgreSQL of yours`,
    )
    .action(async (flags: Record<string, unknown>) => {
      await serveUntilStopped(host, configOf(host, flags))
    })
}

/** Others follow from the home or the machine: `sluice config` shows them. */
function isGiven(value: Setting['default']): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

async function serveUntilStopped(host: CliHost, config: Config): Promise<void> {
  await using server = await host.serve(config, { isQuiet: false })
  await using _announced = await announceServer(config.home, server)
  const { http, postgres } = server
  host.stdout.write(`${JSON.stringify({ ready: true, http, postgres })}\n`)
  if (!host.signal.aborted) await once(host.signal, 'abort')
}
