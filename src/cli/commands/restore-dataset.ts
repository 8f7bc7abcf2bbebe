import { type PlaceOption, withClient } from '../connect.ts'
import { checking, requireFolder } from '../checking.ts'
import { columnRows } from '../column-rows.ts'
import { type DestinationFlags, destinationOf } from '../destination.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost, Restorable } from '../host.ts'
import { restoreRows } from '../restore-rows.ts'
import { restoredDataset } from '../restored-dataset.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, harmless, instant, number } from '../text.ts'

export interface RestoreDatasetFlags extends PlaceOption, DestinationFlags {
  readonly dataset?: string
  readonly export?: string
  readonly delivered?: string
  readonly through?: number
  readonly asDelivered?: boolean
  readonly key?: readonly string[]
  readonly dryRun?: boolean
  readonly format: 'table' | 'json'
}

/** Brings a dataset back from its deliveries. */
export async function restoreDataset(
  host: CliHost,
  place: string,
  flags: RestoreDatasetFlags,
): Promise<void> {
  const terminal = createTerminal(host)
  const destination = await destinationOf(place, flags, host)
  if (destination.kind === 'local') await requireFolder(destination.shown)
  await using looked = await host.findRestorable(destination, {
    request: {
      exportName: flags.export,
      datasetName: flags.delivered,
      through: flags.through,
      isAsDelivered: flags.asDelivered === true,
      keyIds: flags.key,
    },
    ...checking(host, terminal),
  })
  const { found } = looked
  const isJson = flags.format === 'json'
  const name = flags.dataset ?? found.datasetName
  if (!isJson) printFindings(terminal, found.findings)
  const isDone = flags.dryRun === true || !found.isRight
  if (isDone && isJson) terminal.json(report(found, { name, isRestored: false }))
  if (!found.isRight)
    throw new CliError(exitCodes.failed, `Nothing was restored of ${found.location}: ${mistakes(found)}`)
  if (isDone) {
    if (!isJson) printPlan(terminal, found, name)
    return
  }
  await withClient(host, flags, async (client) => {
    const made = await restoredDataset(client, found, flags.dataset)
    const { id } = made.dataset
    const isNew = (await restoreRows(client, terminal, { datasetId: id, found })) || made.isNew
    if (isJson) terminal.json({ ...report(found, { name, isRestored: true }), id, isNew })
    else printRestored(terminal, found, { name, isNew })
  })
}

function mistakes({ findings }: Restorable): string {
  const errors = findings.filter(({ severity }) => severity === 'error')
  return errors.length === 1 ? 'see above what is wrong.' : `${number(errors.length)} things are wrong.`
}

function report(
  { files, schema, ...found }: Restorable,
  { name, isRestored }: { readonly name: string; readonly isRestored: boolean },
) {
  return {
    ...found,
    read: undefined,
    columns: schema.columns.map(({ name: column, type }) => ({ name: column, type })),
    fileCount: files.length,
    dataset: name,
    isRestored,
  }
}

function printFindings({ note, style }: Terminal, findings: Restorable['findings']): void {
  for (const { severity, code, name, message, hint } of findings) {
    const paint = severity === 'error' ? style.red : style.yellow
    const where = name === '' ? '' : ` ${harmless(name)}`
    note(`${paint(severity)} ${code}${where}: ${harmless(message)}`)
    if (hint !== undefined) note(`  ${style.dim(hint)}`)
  }
}

function printPlan(terminal: Terminal, found: Restorable, name: string): void {
  const { line, style } = terminal
  terminal.table(
    [
      { title: 'delivery', isNumber: true },
      { title: 'content' },
      { title: 'sealed' },
      { title: 'files', isNumber: true },
      { title: 'rows', isNumber: true },
      { title: 'size', isNumber: true },
      { title: 'is' },
    ],
    found.deliveries.map((delivery) => [
      number(delivery.number),
      delivery.content,
      instant(delivery.sealedAt),
      number(delivery.fileCount),
      number(delivery.rowCount),
      bytes(delivery.bytes),
      delivery.use,
    ]),
  )
  line()
  terminal.table([{ title: 'column' }, { title: 'type' }], columnRows(found.schema.columns))
  line()
  line(
    `${style.green('✓')} ${style.bold('Whole:')} ${figures(found)} would come into the dataset ${harmless(name)}, as of delivery ${number(found.head.number)} (${instant(found.head.sealedAt)}), signed by ${found.keyId}. Nothing was written.`,
  )
}

function printRestored(
  { line, style }: Terminal,
  found: Restorable,
  { name, isNew }: { readonly name: string; readonly isNew: boolean },
): void {
  const how = isNew ? 'Restored' : 'Restored before:'
  line(
    `${style.green('✓')} ${style.bold(how)} ${harmless(name)} as of delivery ${number(found.head.number)} (${instant(found.head.sealedAt)}) of ${harmless(found.exportName)}: ${figures(found)}.`,
  )
}

function figures({ files, rowCount, bytes: size }: Restorable): string {
  return `${counted(rowCount, 'row')} in ${counted(files.length, 'file')}, ${bytes(size)}`
}
