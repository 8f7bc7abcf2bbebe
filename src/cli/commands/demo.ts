import { type Command, Option } from 'commander'
import { defaultHome } from '#config/home.ts'
import type { CliHost } from '../host.ts'
import { homeOption } from '../options.ts'

export function addDemo(program: Command, host: CliHost): void {
  program
    .command('demo')
    .description('watch it work: from real shop events to delivered, verified files')
    .option('--once', 'end when all steps are told, instead of serving until Ctrl-C')
    .addOption(homeOption())
    .addOption(new Option('--http <address>', 'where HTTP listens, HOST:PORT'))
    .addOption(new Option('--postgres <address>', 'where the PostgreSQL protocol listens, HOST:PORT'))
    .addHelpText(
      'after',
      `
It has a home of its own (${defaultHome()}-demo). A second start on the same home adds nothing and loses nothing.
Where a port is in use another one is taken.

Examples:
  npm run demo
  npm run demo -- --once
  sluice demo --home /tmp/sluice-demo`,
    )
    .action(async (flags: { once?: boolean; home?: string; http?: string; postgres?: string }) => {
      const { runDemo } = await import('../demo/run-demo.ts')
      await runDemo(host, {
        ...flags,
        home: flags.home ?? `${defaultHome()}-demo`,
        isOnce: flags.once === true,
      })
    })
}
