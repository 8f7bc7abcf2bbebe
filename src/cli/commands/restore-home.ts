import { resolve } from 'node:path'
import { configOf } from '../connect.ts'
import type { CliHost, RestoreReport } from '../host.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, instant, number } from '../text.ts'

export interface RestoreHomeFlags {
  readonly from: string
  readonly home: string
  readonly lakeLocation?: string
  readonly dryRun?: boolean
  readonly format: 'table' | 'json'
}

/** Makes a new home of a backup; needs no server. */
export async function restoreHome(host: CliHost, flags: RestoreHomeFlags): Promise<void> {
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
