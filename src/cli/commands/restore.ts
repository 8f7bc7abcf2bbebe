import { type Command, Option } from 'commander'
import { addDestinationOptions, destinationHelp } from '../destination.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { formatOption, wholeNumber } from '../options.ts'
import { restoreDataset, type RestoreDatasetFlags } from './restore-dataset.ts'
import { restoreHome } from './restore-home.ts'

interface Flags extends RestoreDatasetFlags {
  readonly from?: string
  readonly lakeLocation?: string
}

export function addRestore(program: Command, host: CliHost): void {
  const command = program
    .command('restore [place]')
    .description('bring a dataset back from its deliveries, or make a new home of a backup')
    .option('--dry-run', 'only read and check every byte, and say what would be restored')
    .option(
      '--home <folder>',
      'the home whose lake takes the dataset (SLUICE_HOME); with --from the new home',
    )
    .addOption(formatOption(['table', 'json']))
    .addOption(new Option('--dataset <name>', 'what the restored dataset is called (default: as it was)'))
    .addOption(new Option('--export <name>', 'whose deliveries: name or id; needed where there are several'))
    .addOption(
      new Option('--delivered <dataset>', 'of which dataset: name or id; needed where there are several'),
    )
    .addOption(
      new Option('--through <number>', 'as it was with this delivery (default: the newest)').argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option(
        '--as-delivered',
        'load what was delivered, though the source is known to have had other rows',
      ),
    )
    .addOption(
      new Option(
        '--key <id>',
        'only what this key has signed, as verify shows it; several are possible',
      ).argParser((id: string, before: readonly string[] | undefined) => [...(before ?? []), id]),
    )
    .addOption(new Option('--sandbox <name>', 'in which sandbox (default: prod)'))
    .addOption(new Option('--from <folder>', 'a backup, or the folder of several: then the newest'))
    .addOption(new Option('--lake-location <s3://…>', 'with --from: where the lake goes; an empty place'))
  addDestinationOptions(command)
    .addHelpText(
      'after',
      `
A place of deliveries is brought back into a new dataset: the newest delivery that holds everything and the
increments after it, each row once. Every manifest is checked, every file read, hashed and counted before
anything is loaded; the rows become visible together. Broken off, it is simply begun again. Needs no server.
${destinationHelp}

With --from and --home a whole home is made of a backup: the new home is not there yet, or empty. A restore that
fails or is broken off leaves no home that a server would start on. The restored home takes the place of the old
one: do not let both deliver. --lake-location puts its lake on S3.

Examples:
  sluice restore /data/out --dry-run
  sluice restore /data/out --dataset orders_restored
  sluice restore s3://bucket/out --export nightly --delivered orders --through 12
  sluice restore --from /backups/sluice --home /srv/sluice-new
  sluice restore --from /backups/sluice/20260301T010000Z-1a2b3c4d --home /srv/sluice-new --dry-run
  DATABASE_URL=postgres://… sluice restore --from …    metadata into an empty PostgreSQL of yours`,
    )
    .action(async (place: string | undefined, flags: Flags) => {
      if (place === undefined) await ofBackup(host, flags)
      else {
        refuse(flags, ['from', 'lakeLocation'], 'of a backup, and a place of deliveries was given')
        await restoreDataset(host, place, flags)
      }
    })
}

async function ofBackup(host: CliHost, flags: Flags): Promise<void> {
  const { from, home } = flags
  if (from === undefined)
    throw new CliError(
      exitCodes.usage,
      'What is restored is missing.',
      'Give a place of deliveries (sluice restore /data/out), or a backup (--from BACKUPS --home NEW).',
    )
  if (home === undefined)
    throw new CliError(exitCodes.usage, 'The new home is missing.', 'Give it: --home FOLDER.')
  refuse(
    flags,
    ['dataset', 'export', 'delivered', 'through', 'asDelivered', 'key', 'sandbox'],
    'of deliveries, and a backup was given',
  )
  await restoreHome(host, { ...flags, from, home })
}

/** Each way of restoring has flags of its own. */
function refuse(flags: Flags, names: readonly (keyof Flags)[], why: string): void {
  const given = names.find((name) => flags[name] !== undefined)
  if (given === undefined) return
  const flag = `--${given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  throw new CliError(exitCodes.usage, `${flag} is for restores ${why}.`, 'See: sluice restore --help')
}
