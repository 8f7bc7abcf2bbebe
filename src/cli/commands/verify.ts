import type { Command } from 'commander'
import {
  addDestinationOptions,
  type DestinationFlags,
  destinationHelp,
  destinationOf,
} from '../destination.ts'
import { checking, requireFolder } from '../checking.ts'
import { exitCodes } from '../exit-code.ts'
import type { CliHost, VerifyReport } from '../host.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, harmless, number } from '../text.ts'
import { formatOption, homeOption, type SetExitCode } from '../options.ts'

export function addVerify(program: Command, host: CliHost, exit: SetExitCode): void {
  const command = program
    .command('verify <location>')
    .description('check delivered files against their manifests; needs no server')
  addDestinationOptions(command)
    .addOption(formatOption(['table', 'json']))
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Reads every file again, counts its rows and hashes its bytes, checks every manifest's signature and that the
chain of manifests has no gap. Ends with 0 only when all is right. Nothing is changed.
${destinationHelp}

Examples:
  sluice verify /data/out
  sluice verify s3://bucket/out --format json`,
    )
    .action(async (location: string, flags: DestinationFlags & { format: 'table' | 'json' }) => {
      const terminal = createTerminal(host)
      const destination = await destinationOf(location, flags, host)
      if (destination.kind === 'local') await requireFolder(destination.shown)
      const report = await host.verify(destination, checking(host, terminal))
      if (flags.format === 'json') terminal.json(report)
      else printReport(terminal, report)
      if (!report.isRight) exit(exitCodes.failed)
    })
}

export function printReport(
  terminal: Pick<Terminal, 'line' | 'table' | 'style'>,
  report: VerifyReport,
): void {
  const { green, red, yellow, bold } = terminal.style
  if (report.chains.length > 0) {
    terminal.table(
      [
        { title: 'export' },
        { title: 'dataset' },
        { title: 'deliveries', isNumber: true },
        { title: 'files', isNumber: true },
        { title: 'rows', isNumber: true },
        { title: 'size', isNumber: true },
        { title: 'signed by' },
      ],
      report.chains.map((chain) => [
        chain.exportName,
        chain.datasetName,
        number(chain.manifestCount),
        number(chain.fileCount),
        number(chain.rowCount),
        bytes(chain.bytes),
        chain.keyId,
      ]),
    )
    terminal.line()
  }
  for (const finding of report.findings) {
    const paint = finding.severity === 'error' ? red : yellow
    const name = finding.name === '' ? '' : ` ${harmless(finding.name)}`
    terminal.line(`${paint(finding.severity)} ${finding.code}${name}: ${harmless(finding.message)}`)
  }
  if (report.findingsLeftOut > 0) terminal.line(`… and ${number(report.findingsLeftOut)} more.`)
  terminal.line(
    report.isRight
      ? `${green('✓')} ${bold('All right:')} ${counted(report.fileCount, 'file')}, ${counted(report.rowCount, 'row')}, ${bytes(report.bytes)}; every file read, counted and hashed again, no manifest missing.`
      : `${red('✗')} ${bold('Not right:')} ${report.location} is not what was delivered.`,
  )
}
