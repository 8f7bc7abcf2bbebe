import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Client } from '../client.ts'
import { type HomeOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { hasEnded } from '../run-state.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, number } from '../text.ts'
import { formatOption, homeOption } from '../options.ts'

interface Flags extends HomeOption {
  readonly to: string
  readonly dryRun?: boolean
  readonly format: 'table' | 'json'
}

interface Run {
  readonly state: string
  readonly folder: string
  readonly dryRun: boolean
  readonly message: string | null
  readonly progress: {
    readonly phase: string
    readonly backupId?: string
    readonly rows: number
    readonly files: number
    readonly filesDone: number
    readonly filesLinked: number
    readonly bytes: number
    readonly bytesDone: number
  }
}

const path = '/sluice/v1/backups'
const lookEveryMs = 200

export function addBackup(program: Command, host: CliHost): void {
  program
    .command('backup')
    .description('save everything a home keeps, as it is at one moment, while it works')
    .requiredOption('--to <folder>', 'folder of backups: empty, or with earlier ones of this home')
    .option('--dry-run', 'only say what would be saved')
    .addOption(homeOption())
    .addOption(formatOption(['table', 'json']))
    .addHelpText(
      'after',
      `
Saves the database, the lake, uploads that wait, keys and credentials: keep the folder as safe as the home.
Each backup is whole by itself; files of the lake that an earlier one in the folder has are linked, not copied.
An old backup is removed with rm -r.

Examples:
  sluice backup --to /backups/sluice
  sluice backup --to /backups/sluice --dry-run
  sluice restore --from /backups/sluice --home /srv/sluice-new`,
    )
    .action((flags: Flags) =>
      withClient(host, flags, async (client) => {
        const terminal = createTerminal(host)
        const { id } = await client.post<{ id: string }>(path, {
          folder: resolve(host.cwd, flags.to),
          dryRun: flags.dryRun === true,
        })
        const run = await finished(client, terminal, id)
        if (flags.format === 'json') terminal.json(run)
        else if (run.state === 'succeeded') print(terminal, run)
        if (run.state !== 'succeeded') {
          throw new CliError(exitCodes.failed, `No backup was made: ${run.message ?? run.state}`)
        }
      }),
    )
}

async function finished(client: Client, terminal: Terminal, id: string): Promise<Run> {
  for (;;) {
    const run = await client.get<Run>(`${path}/${id}`)
    if (hasEnded(run)) return run
    const { phase, files, filesDone, bytesDone, rows } = run.progress
    terminal.progress(
      phase === 'lake'
        ? `Saved ${number(filesDone)} of ${counted(files, 'file')} of the lake, ${bytes(bytesDone)}`
        : `Saving: ${phase}, ${counted(rows, 'row')} of the database`,
    )
    await delay(lookEveryMs, undefined, { signal: client.signal })
  }
}

function print({ line, style }: Terminal, { dryRun, folder, progress }: Run): void {
  const { backupId, rows, files, filesLinked, bytes: size } = progress
  const lake = `${counted(files, 'file')} of the lake (${bytes(size)})`
  if (dryRun) {
    line(
      `Would save ${lake}, ${number(filesLinked)} of them linked from an earlier backup. Nothing was written.`,
    )
    return
  }
  line(
    `${style.green('✓')} ${style.bold('Saved')} ${lake}, ${number(filesLinked)} of them linked, and ${counted(rows, 'row')} of the database:`,
  )
  line(`  ${folder}/${backupId ?? ''}`)
}
