import { faultPoint } from '#base/faults.ts'
import { type Client, RestError } from './client.ts'
import { finishedBatch } from './commands/load.ts'
import { type BatchDocument, batchesOf } from './datasets.ts'
import { CliError, exitCodes } from './exit-code.ts'
import type { Restorable, RestorableFile } from './host.ts'
import type { Terminal } from './terminal.ts'
import { bytes, counted, number } from './text.ts'

const importApi = '/data/foundation/import'
/** On the batches of a restore: which share of which delivery it holds. */
const shareTag = 'restoredShare'
/** As many files as a batch takes. */
const filesMax = 10_000
const batchesMax = 100

/** Files that become visible together: of one format, as a batch has it. */
interface Share {
  readonly mark: string
  readonly files: readonly RestorableFile[]
  readonly rowCount: number
}

interface Rows {
  readonly datasetId: string
  readonly found: Restorable
}

/**
 * Fills a restored dataset, each row once, however often this is done and broken off. All rows come in one batch, unless
 * the files are of several formats or too many. False: all of them were there.
 *
 * Who restores first opens a batch, then looks for others of the same share: one that is loaded or about to be makes his
 * own needless, one that still takes files is of an attempt that was broken off, or of somebody who does the same right
 * now; it is aborted, and can never be loaded then. As everybody opens before he looks, no two that do not see each
 * other can both be loaded.
 */
export async function restoreRows(client: Client, terminal: Terminal, rows: Rows): Promise<boolean> {
  let isNew = false
  for (const share of sharesOf(rows.found)) {
    if (await restoreShare(client, terminal, { ...rows, share })) isNew = true
  }
  return isNew
}

function sharesOf({ files, head }: Restorable): readonly Share[] {
  const groups: RestorableFile[][] = []
  for (const kind of ['parquet', 'json', 'csv'] as const) {
    const all = files.filter((file) => file.kind === kind)
    for (let start = 0; start < all.length; start += filesMax) groups.push(all.slice(start, start + filesMax))
  }
  return groups.map((group, index) => ({
    mark: `${head.sha256} ${index + 1}/${groups.length}`,
    files: group,
    rowCount: group.reduce((sum, file) => sum + file.rowCount, 0),
  }))
}

async function restoreShare(
  client: Client,
  terminal: Terminal,
  rows: Rows & { readonly share: Share },
): Promise<boolean> {
  const { datasetId, share } = rows
  const before = await loadedBefore(client, terminal, rows)
  if (before) return false
  const { id } = await client.post<{ id: string }>(`${importApi}/batches`, {
    datasetId,
    // A table may hold what messages and files that people write may not.
    inputFormat: { format: share.files[0]?.kind, takesNul: true },
    tags: { [shareTag]: share.mark },
  })
  await faultPoint('restore.opened')
  try {
    for (const other of await batchesOfShare(client, rows)) {
      if (other.id !== id && other.status === 'loading') await abortLeft(client, other.id)
    }
    if (await loadedBefore(client, terminal, rows)) {
      await act(client, id, 'ABORT')
      return false
    }
    await send(client, terminal, { ...rows, batchId: id })
    await faultPoint('restore.sent')
    await act(client, id, 'COMPLETE')
  } catch (error) {
    if (isOver(error)) throw takenOver()
    // Best effort: the next attempt aborts what is left open.
    await act(client, id, 'ABORT').catch(() => {})
    throw error
  }
  await faultPoint('restore.completed')
  requireLoaded(await finishedBatch(client, terminal, id), share)
  return true
}

/** A batch with the share that is loaded, or is being loaded: then it is waited for. */
async function loadedBefore(
  client: Client,
  terminal: Terminal,
  rows: Rows & { readonly share: Share },
): Promise<BatchDocument | undefined> {
  for (const batch of await batchesOfShare(client, rows)) {
    if (!['queued', 'processing', 'success', 'active'].includes(batch.status)) continue
    const ended = await finishedBatch(client, terminal, batch.id)
    if (ended.status !== 'success' && ended.status !== 'active') continue
    requireLoaded(ended, rows.share)
    return ended
  }
  return undefined
}

async function batchesOfShare(
  client: Client,
  { datasetId, share }: Rows & { readonly share: Share },
): Promise<readonly BatchDocument[]> {
  const found: BatchDocument[] = []
  for (let start = 0; ; start += batchesMax) {
    const page = await batchesOf(client, datasetId, { limit: batchesMax, start })
    found.push(...page.filter(({ tags }) => tags?.[shareTag] === share.mark))
    if (page.length < batchesMax) return found
  }
}

/** What a batch that somebody aborted or completed answers. */
function isOver(error: unknown): boolean {
  return error instanceof RestError && error.code === 'batch.state'
}

function takenOver(): CliError {
  return new CliError(
    exitCodes.failed,
    'Another restore of the same deliveries into this dataset took over; this one has loaded nothing.',
    'Wait until the other one is done. Restoring again is harmless.',
  )
}

/** One that was completed since it was looked at may be loaded by now; then it is found as that. */
async function abortLeft(client: Client, batchId: string): Promise<void> {
  try {
    await act(client, batchId, 'ABORT')
  } catch (error) {
    if (!isOver(error)) throw error
  }
}

async function act(client: Client, batchId: string, action: 'ABORT' | 'COMPLETE'): Promise<void> {
  await client.post(`${importApi}/batches/${batchId}?action=${action}`)
}

async function send(
  client: Client,
  terminal: Terminal,
  { datasetId, found, share, batchId }: Rows & { readonly share: Share; readonly batchId: string },
): Promise<void> {
  let sent = 0
  for (const [index, file] of share.files.entries()) {
    terminal.progress(
      `Restoring file ${number(index + 1)} of ${counted(share.files.length, 'file')}, ${bytes(sent)} of ${bytes(found.bytes)}`,
    )
    const name = `${index + 1}-${file.name.slice(file.name.lastIndexOf('/') + 1)}`
    await client.upload(
      'PUT',
      `${importApi}/batches/${batchId}/datasets/${datasetId}/files/${encodeURIComponent(name)}`,
      found.read(file, { signal: client.signal }),
    )
    sent += file.bytes
  }
}

function requireLoaded(batch: BatchDocument, { rowCount }: Share): void {
  const isLoaded = batch.status === 'success' || batch.status === 'active'
  if (isLoaded && batch.recordCount === rowCount) return
  if (batch.status === 'aborted') throw takenOver()
  const why = batch.errors.map(({ description, code }) => `${description} (${code})`).join(' ')
  throw new CliError(
    exitCodes.failed,
    isLoaded
      ? `The batch ${batch.id} holds ${number(batch.recordCount)} rows; ${number(rowCount)} were delivered.`
      : `The rows were not loaded: the batch ${batch.id} is ${batch.status}. ${why}`.trimEnd(),
    isLoaded ? undefined : 'Nothing of it is visible; restoring again begins anew.',
  )
}
