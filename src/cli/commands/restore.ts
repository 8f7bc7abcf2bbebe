import { resolve } from 'node:path'
import type { Command } from 'commander'
import { configOf } from '../connect.ts'
import type { CliHost, RestoreReport } from '../host.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, instant, number } from '../text.ts'
import { formatOption } from '../options.ts'

interface Flags {
  readonly from: string
  readonly home: string
  readonly lakeLocation?: string
  readonly dryRun?: boolean
  readonly format: 'table' | 'json'
}

export function addRestore(program: Command, host: CliHost): void {
  program
    .command('restore')
    .description('make a new home of a backup; needs no server')
    .requiredOption('--from <folder>', 'a backup, or the folder of several: then the newest')
    .requiredOption('--home <folder>', 'the new home: not there yet, or empty')
    .option('--lake-location <s3://…>', 'where the lake goes; an empty place. Absent: into the new home')
    .option('--dry-run', 'only check every byte of the backup')
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Every file is checked against the backup's manifest. A restore that fails or is broken off leaves no home that
a server would start on. The restored home takes the place of the old one: do not let both deliver.

Examples:
  sluice restore --from /backups/sluice --home /srv/sluice-new
  sluice restore --from /backups/sluice/20260301T010000Z-1a2b3c4d --home /srv/sluice-new
  sluice restore --from /backups/sluice --home /srv/sluice-new --dry-run
  sluice restore --from /backups/sluice --home /srv/sluice-new --lake-location s3://journeys/lake-2
  DATABASE_URL=postgres://… sluice restore …    metadata into an empty PostgreSQL of yours`,
    )
    .action(async (flags: Flags) => {
      const terminal = createTerminal(host)
      const config = configOf(host, { home: flags.home, lakeLocation: flags.lakeLocation })
      const isDryRun = flags.dryRun === true
      const report = await host.restore(resolve(host.cwd, flags.from), config, {
        isDryRun,
        signal: host.signal,
        onProgress: ({ files, filesDone, bytesDone }) =>
          terminal.progress(`Checked ${number(filesDone)} of ${counted(files, 'file')}, ${bytes(bytesDone)}`),
      })
      if (flags.format === 'json') terminal.json({ ...report, home: config.home })
      else print(terminal, report, isDryRun ? undefined : config.home)
    })
}

function print({ line, style }: Terminal, report: RestoreReport, home: string | undefined): void {
  const { backupId, takenAt, files, bytes: size, rowCount } = report
  const what = `${counted(files, 'file')}, ${bytes(size)}, ${counted(rowCount, 'row')} of the database`
  const taken = `backup ${backupId} of ${instant(takenAt)}`
  if (home === undefined) {
    line(
      `${style.green('✓')} ${style.bold('Whole:')} ${taken}: ${what}, every byte checked. Nothing was written.`,
    )
    return
  }
  line(`${style.green('✓')} ${style.bold('Restored')} ${taken}: ${what}.`)
  line(`  Start it with: sluice serve --home ${home}`)
}
