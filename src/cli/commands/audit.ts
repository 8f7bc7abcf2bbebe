import type { Command } from 'commander'
import { type HomeOption, withClient } from '../connect.ts'
import { exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { formatOption, homeOption, positiveNumber, type SetExitCode } from '../options.ts'
import { createTerminal } from '../terminal.ts'
import { counted, harmless, instant } from '../text.ts'

interface Flags extends HomeOption {
  readonly format: 'table' | 'json'
}

interface Event {
  readonly timestamp: string
  readonly userEmail: string
  readonly action: string
  readonly assetType: string
  readonly assetId: string
  readonly status: string
  readonly sandboxName: string
}

interface Report {
  readonly isRight: boolean
  readonly sealedCount: number
  readonly headHash?: string
  readonly expiredThrough?: string
  readonly findings: readonly { readonly kind: string; readonly message: string }[]
}

export function addAudit(program: Command, host: CliHost, exit: SetExitCode): void {
  const audit = program.command('audit').description('what was done and what was refused').helpCommand(false)
  audit
    .command('list')
    .description('list the latest events')
    .option('--where <condition...>', "conditions such as 'action==create'; all must hold", [])
    .option('--limit <count>', 'so many at most', positiveNumber, 50)
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Examples:
  sluice audit list
  sluice audit list --where status==Deny --limit 20`,
    )
    .action((flags: Flags & { where: string[]; limit: number }) =>
      withClient(host, flags, async (client) => {
        const query = new URLSearchParams(flags.where.map((text): [string, string] => ['property', text]))
        query.set('limit', String(flags.limit))
        const page = await client.get<{ _embedded: { events: Event[] } }>(
          `/data/foundation/audit/events?${query.toString()}`,
        )
        const { events } = page._embedded
        const terminal = createTerminal(host)
        if (flags.format === 'json') return terminal.json(events)
        terminal.table(
          [
            { title: 'when' },
            { title: 'who' },
            { title: 'what' },
            { title: 'of' },
            { title: 'status' },
            { title: 'sandbox' },
          ],
          events.map((event) => [
            instant(event.timestamp),
            event.userEmail,
            event.action,
            `${event.assetType} ${event.assetId}`,
            event.status,
            event.sandboxName,
          ]),
        )
      }),
    )
  audit
    .command('verify')
    .description('check that no entry was changed, removed or moved')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Every entry's hash covers the one before it, and the last one is noted in the home, outside of the database.
Ends with 1 when something is not as it was sealed, and names it.

Examples:
  sluice audit verify`,
    )
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const report = await client.post<Report>('/sluice/v1/audit/verification')
        const terminal = createTerminal(host)
        const { green, red, bold } = terminal.style
        if (flags.format === 'json') terminal.json(report)
        else {
          for (const { kind, message } of report.findings) terminal.line(`${red(kind)} ${harmless(message)}`)
          const entries = counted(report.sealedCount, 'entry', 'entries')
          terminal.line(
            report.isRight
              ? `${green('✓')} ${bold('All right:')} ${entries}, each as it was sealed.`
              : `${red('✗')} ${bold('Not right:')} the audit is not what was written.`,
          )
          if (report.expiredThrough !== undefined) {
            terminal.line(`Entries up to place ${report.expiredThrough} were deleted for their age.`)
          }
        }
        if (!report.isRight) exit(exitCodes.failed)
      }),
    )
  audit
    .command('expire')
    .description('delete entries that are older than the retention; the server does it once a day')
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
The retention is the setting audit.retentionMs. What is deleted is on record, and the rest can still be verified.

Examples:
  sluice audit expire`,
    )
    .action((flags: HomeOption) =>
      withClient(host, flags, async (client) => {
        const { entriesRemoved } = await client.post<{ entriesRemoved: number }>('/sluice/v1/audit/expiry')
        createTerminal(host).line(`${counted(entriesRemoved, 'entry', 'entries')} deleted.`)
      }),
    )
}
