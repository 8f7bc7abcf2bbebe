import type { Command } from 'commander'
import { describeConfig } from '#config/config.ts'
import type { CliHost } from '../host.ts'
import { createTerminal } from '../terminal.ts'
import { formatOption, homeOption } from '../options.ts'

export function addConfig(program: Command, host: CliHost): void {
  program
    .command('config')
    .description('print every setting, where it comes from and what it is for')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
A setting is taken from the first of: flag of sluice serve, environment variable, config.json in the home, default.
Secrets are shown as ***.

Examples:
  sluice config
  SLUICE_LIMITS_ROWS_MAX=500000 sluice config --format json`,
    )
    .action((flags: { home?: string; format: 'table' | 'json' }) => {
      const terminal = createTerminal(host)
      const all = describeConfig({ flags: { home: flags.home }, env: host.env, cwd: host.cwd })
      if (flags.format === 'json') {
        terminal.json(all)
        return
      }
      terminal.table(
        [{ title: 'setting' }, { title: 'value' }, { title: 'from' }, { title: 'what it is' }],
        all.map(({ name, value, source, about }) => [
          name,
          value === null ? '' : String(value),
          source,
          about,
        ]),
      )
    })
}
