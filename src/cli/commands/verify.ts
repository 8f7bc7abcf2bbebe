import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost, VerifyReport } from '../host.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, harmless, number } from '../text.ts'
import { formatOption, homeOption, type SetExitCode } from '../options.ts'

export function addVerify(program: Command, host: CliHost, exit: SetExitCode): void {
  program
    .command('verify <location>')
    .description('check delivered files against their manifests; needs no server')
    .addOption(formatOption(['table', 'json']))
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Reads every file again, counts its rows and hashes its bytes, checks every manifest's signature and that the
chain of manifests has no gap. Ends with 0 only when all is right. Nothing is changed.

Examples:
  sluice verify /data/out
  sluice verify file:///data/out --format json`,
    )
    .action(async (location: string, flags: { format: 'table' | 'json' }) => {
      const terminal = createTerminal(host)
      const folder = await existingFolder(location, host.cwd)
      const report = await host.verify(
        { kind: 'local', folder },
        {
          signal: host.signal,
          onProgress: ({ filesChecked, fileCount, bytesChecked }) =>
            terminal.progress(
              `Checked ${number(filesChecked)} of ${counted(fileCount, 'file')}, ${bytes(bytesChecked)}`,
            ),
        },
      )
      if (flags.format === 'json') terminal.json(report)
      else printReport(terminal, report)
      if (!report.isRight) exit(exitCodes.failed)
    })
}

/** A folder, or a `file:` address. */
export function folderOf(location: string, cwd: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1]?.toLowerCase()
  if (scheme === 'file') return fileURLToPath(location)
  if (scheme !== undefined) {
    throw new CliError(
      exitCodes.usage,
      `This Sluice knows folders, and got ${scheme}://…`,
      'Give a folder or file:///folder.',
    )
  }
  return resolve(cwd, location)
}

async function existingFolder(location: string, cwd: string): Promise<string> {
  const folder = folderOf(location, cwd)
  const stats = await stat(folder).catch(() => undefined) // Whatever the reason: it cannot be looked into.
  if (stats?.isDirectory()) return folder
  throw new CliError(exitCodes.unknown, `There is no folder ${folder}, or it cannot be read.`)
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
