import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { type Client, isConflict } from '../client.ts'
import { type PlaceOption, withClient } from '../connect.ts'
import { type BatchDocument, readBatch, requireDataset } from '../datasets.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { bytesOf, type FileFormat, type SourceFile, sourceFile } from '../source-file.ts'
import { createTerminal, type Terminal } from '../terminal.ts'
import { bytes, counted, harmless, number, span } from '../text.ts'
import { homeOption, sandboxOption, percentage } from '../options.ts'

const importApi = '/data/foundation/import'
const filesMax = 1_000
const rejectsShown = 10
const lookEveryMs = 100

interface Flags extends PlaceOption {
  readonly format?: FileFormat
  readonly maxRejects?: number
  readonly json?: boolean
}

interface Reject {
  readonly fileName: string
  readonly row: number
  readonly code: string
  readonly reason: string
  readonly record: string
}

export function addLoad(dataset: Command, host: CliHost): void {
  dataset
    .command('load <name> <file...>')
    .description('load files into a dataset, as one batch: visible whole or not at all')
    .addOption(
      new Option('--format <format>', 'what the files hold; guessed by extension and content').choices([
        'parquet',
        'json',
        'csv',
      ]),
    )
    .option(
      '--max-rejects <percent>',
      'share of rows that may be refused before the batch fails (default: 0)',
      percentage,
    )
    .option('--json', 'print the batch as JSON')
    .addOption(sandboxOption())
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Files may be Parquet, JSON lines (an object a line) or CSV with a header, also packed as .gz.
Rows that do not fit the dataset are refused, listed with the reason, and the batch fails;
with --max-rejects the others are loaded.

Examples:
  sluice dataset load orders orders.csv
  sluice dataset load web_events day1.json.gz day2.json.gz
  sluice dataset load orders export.txt --format csv --max-rejects 5`,
    )
    .action(async (name: string, paths: string[], flags: Flags) => {
      if (paths.length > filesMax)
        throw new CliError(exitCodes.usage, `One batch takes at most ${filesMax} files.`)
      const files: SourceFile[] = []
      for (const path of paths) files.push(await sourceFile(resolve(host.cwd, path), flags.format))
      const [first] = files
      const other = files.find((file) => file.format !== first?.format)
      if (!first || other) {
        throw new CliError(
          exitCodes.usage,
          `A batch holds files of one format; ${first?.fileName} is ${first?.format}, ${other?.fileName} is ${other?.format}.`,
          'Load them one after the other.',
        )
      }
      await withClient(host, flags, async (client) => {
        const { id } = await requireDataset(client, name)
        const terminal = createTerminal(host)
        const batch = await loadFiles(client, terminal, {
          datasetId: id,
          files,
          ...(flags.maxRejects === undefined ? {} : { maxRejects: flags.maxRejects }),
        })
        await tell(client, terminal, { name, batch, isJson: flags.json === true })
      })
    })
}

/** Opens a batch, streams the files into it, completes it and waits for the load. */
export async function loadFiles(
  client: Client,
  terminal: Terminal,
  {
    datasetId,
    files,
    maxRejects,
    externalId,
  }: {
    readonly datasetId: string
    readonly files: readonly SourceFile[]
    readonly maxRejects?: number
    /** Who loads under it at the same time, or did and was interrupted, has the same files: all fill one batch. */
    readonly externalId?: string
  },
): Promise<BatchDocument> {
  const { id, status } = await client.post<Pick<BatchDocument, 'id' | 'status'>>(`${importApi}/batches`, {
    datasetId,
    inputFormat: { format: files[0]?.format },
    ...(maxRejects === undefined ? {} : { partialIngestionPercentage: maxRejects }),
    ...(externalId === undefined ? {} : { externalId }),
  })
  if (status !== 'loading') return await finishedBatch(client, terminal, id)
  try {
    await uploadAll(client, terminal, { batchId: id, datasetId, files })
  } catch (error) {
    if (externalId === undefined) {
      // Best effort: a batch left open is empty to everybody.
      await client.post(`${importApi}/batches/${id}?action=ABORT`).catch(() => {})
      throw error
    }
    if (!isConflict(error)) throw error
    // It takes no more files: of those who fill it together another was ready first.
    return await finishedBatch(client, terminal, id)
  }
  await client.post(`${importApi}/batches/${id}?action=COMPLETE`)
  return await finishedBatch(client, terminal, id)
}

async function uploadAll(
  client: Client,
  terminal: Terminal,
  { batchId, datasetId, files }: { batchId: string; datasetId: string; files: readonly SourceFile[] },
): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  let sent = 0
  for (const [index, file] of files.entries()) {
    // Two folders may hold files of one name.
    const name = files.length === 1 ? file.fileName : `${index + 1}-${file.fileName}`
    const path = `${importApi}/batches/${batchId}/datasets/${datasetId}/files/${encodeURIComponent(name)}`
    await client.upload(
      'PUT',
      path,
      bytesOf(file, (count) => {
        sent += count
        terminal.progress(`Uploading ${file.fileName}  ${bytes(sent)} of ${bytes(total)}`)
      }),
    )
  }
}

/** Waits until a batch is loaded or has failed. */
export async function finishedBatch(client: Client, terminal: Terminal, id: string): Promise<BatchDocument> {
  const startedAt = Date.now()
  for (;;) {
    const batch = await readBatch(client, id)
    if (['success', 'active', 'failed', 'failure', 'aborted', 'abandoned', 'inactive'].includes(batch.status))
      return batch
    terminal.progress(`Loading  ${batch.status}, ${span(Date.now() - startedAt)}`)
    await delay(lookEveryMs, undefined, { signal: client.signal })
  }
}

async function tell(
  client: Client,
  terminal: Terminal,
  { name, batch, isJson }: { readonly name: string; readonly batch: BatchDocument; readonly isJson: boolean },
): Promise<void> {
  const rejects = batch.failedRecordCount > 0 ? await rejectsOf(client, batch.id) : []
  if (isJson) terminal.json({ ...batch, rejects })
  const isLoaded = batch.status === 'success' || batch.status === 'active'
  if (isLoaded && !isJson) {
    const took = batch.completed === undefined ? '' : `, ${span(batch.completed - batch.created)}`
    terminal.line(`Loaded ${counted(batch.recordCount, 'row')} into ${name} (batch ${batch.id}${took})`)
  }
  if (rejects.length > 0 && !isJson) {
    terminal.note(
      `Refused ${counted(batch.failedRecordCount, 'row')}${batch.failedRecordCount > rejects.length ? `, the first ${rejects.length}:` : ':'}`,
    )
    for (const reject of rejects) {
      terminal.note(
        `  ${harmless(reject.fileName)}, row ${number(reject.row)}: ${harmless(reject.reason)}\n    ${terminal.style.dim(harmless(reject.record).slice(0, 200))}`,
      )
    }
  }
  if (!isLoaded) {
    const why = batch.errors.map((error) => `${error.description} (${error.code})`).join(' ')
    throw new CliError(
      exitCodes.failed,
      `Nothing was loaded into ${name}: the batch ${batch.id} ${batch.status === 'aborted' ? 'was aborted' : 'failed'}. ${why}`.trimEnd(),
      rejects.length > 0
        ? 'Mend the rows, or allow a share of them to be refused with --max-rejects PERCENT.'
        : undefined,
    )
  }
}

async function rejectsOf(client: Client, batchId: string): Promise<readonly Reject[]> {
  const { rejects } = await client.get<{ rejects: readonly Reject[] }>(
    `/sluice/v1/batches/${batchId}/rejects?limit=${rejectsShown}`,
  )
  return rejects
}
