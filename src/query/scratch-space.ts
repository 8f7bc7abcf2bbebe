import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import type { Clock } from '#base/clock.ts'
import { lendFolder } from '#base/engine-folder.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { otherNode } from '#base/other-node.ts'
import { codeOf } from '#base/system-error.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { CopyResult } from '#engine/engine.ts'
import { adoptFiles } from '#lake/adopt-files.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import {
  deleteScratchCopiesBefore,
  deleteScratchCopy,
  insertScratchCopy,
  type ScratchCopyRow,
  selectScratchCopies,
  selectScratchCopy,
  selectScratchCopyIds,
} from '#metadata/scratch-copies.ts'
import { syncFile, syncFolder } from '#objects/durable-files.ts'

/** So long a copy can be fetched. */
const keptMs = 7 * 86_400_000
/** Of one principal in one sandbox. */
const copiesMax = 100
/** Folders looked up in one statement. */
const lookUpMax = 500

export interface ScratchCopy {
  readonly id: string
  /** As the statement named it. */
  readonly folder: string
  readonly format: ScratchFormat
  readonly rowCount: number
  readonly files: readonly ScratchFile[]
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Where a copy is, as the statement named it. */
export function copyUriOf({ id, folder }: Pick<ScratchCopy, 'id' | 'folder'>): string {
  return `scratch-space/${folder}/${id}`
}

export type ScratchFormat = 'parquet' | 'csv' | 'json'

export interface ScratchFile {
  readonly name: string
  readonly bytes: number
  readonly rowCount: number
}

export interface NewScratchCopy {
  /** Ends with that of the query that makes it; of a run's step the same in every attempt. */
  readonly id: string
  readonly folder: string
  readonly format: ScratchFormat
  /** Writes into the folder. */
  readonly write: (folder: string) => Promise<CopyResult>
  /** Inside of the transaction that makes the copy true. */
  readonly within: (tx: Transaction) => Promise<void>
}

/**
 * Where `COPY … TO '%scratch_space%/…'` puts files: copies of results that their maker fetches, for a while. On disk each
 * is a folder named by its id; what a statement calls it stands in the database alone, and nothing that has no row there
 * can be seen.
 */
export interface ScratchSpace {
  /** Files first, then the row: a crash between leaves what `sweep` removes. @throws AppError 'query.limit' */
  make(caller: Caller, copy: NewScratchCopy): Promise<ScratchCopy>
  /** The caller's own, newest first. */
  list(caller: Caller): Promise<readonly ScratchCopy[]>
  /** Undefined: none of the caller's. */
  get(caller: Caller, id: string): Promise<ScratchCopy | undefined>
  /** @throws AppError 'query.unknown', 'node.other' */
  open(caller: Caller, id: string, fileName: string): Promise<OpenScratchFile>
  /** @throws AppError 'query.unknown' */
  remove(caller: Caller, id: string): Promise<void>
  /** Removes what is too old and what nobody finished; how many folders. Idempotent. */
  sweep(): Promise<number>
}

export interface OpenScratchFile {
  readonly bytes: number
  /** Read to the end or destroyed, it lets go of the file. */
  readonly stream: Readable
}

export function createScratchSpace({
  folder: root,
  metadata,
  clock,
  nodeId,
  bytesMax,
}: {
  readonly folder: string
  readonly metadata: Metadata
  readonly clock: Clock
  readonly nodeId: string
  /** Of all copies that one principal has in a sandbox. */
  readonly bytesMax: number
}): ScratchSpace {
  /** What is being made now, which no sweep may take. */
  const making = new Set<string>()
  const { db } = metadata

  const make: ScratchSpace['make'] = async (caller, copy) => {
    const { id, folder, format } = copy
    const owner = ownerOf(caller)
    const there = (await selectScratchCopies(db, owner, copiesMax)).map(copyOf)
    if (there.length >= copiesMax) throw full(`You have ${copiesMax} copies in the scratch space.`)
    const unfinished = `${id}.${randomUUID()}`
    const path = join(root, unfinished)
    making.add(id)
    try {
      await mkdir(path)
      await lendFolder(path)
      const files = await named(path, format, await copy.write(path))
      const bytes = bytesOf([...there, { files }])
      if (bytes > bytesMax) {
        throw full(`Your copies in the scratch space would have ${bytes} bytes; ${bytesMax} are allowed.`)
      }
      await faultPoint('query.copy.written')
      const rowCount = files.reduce((sum, file) => sum + file.rowCount, 0)
      const createdAt = clock.now()
      await metadata.transaction(async (tx) => {
        await copy.within(tx)
        await insertScratchCopy(tx, {
          id,
          sandbox_id: owner.sandboxId,
          principal_id: owner.principalId,
          node_id: nodeId,
          folder,
          format,
          row_count: rowCount,
          files: JSON.stringify(files),
          created_at: createdAt,
        })
        // An earlier attempt's, which came so far and has no row.
        await rm(join(root, id), { recursive: true, force: true })
        await rename(path, join(root, id))
        await syncFolder(root)
        await faultPoint('query.copy.named')
      })
      return { id, folder, format, rowCount, files, createdAt, expiresAt: expiryOf(createdAt) }
    } catch (error) {
      await rm(path, { recursive: true, force: true })
      throw error
    } finally {
      making.delete(id)
    }
  }

  const get: ScratchSpace['get'] = async (caller, id) => {
    const row = await selectScratchCopy(db, ownerOf(caller), id)
    return row && copyOf(row)
  }

  return {
    make,
    get,
    list: async (caller) => (await selectScratchCopies(db, ownerOf(caller), copiesMax)).map(copyOf),
    open: async (caller, id, fileName) => {
      const row = await selectScratchCopy(db, ownerOf(caller), id)
      const file = row && copyOf(row).files.find(({ name }) => name === fileName)
      if (!row || !file) throw unknownCopy(id)
      if (row.node_id !== nodeId) throw otherNode('The files of this copy lie', row.node_id)
      // A restored home has rows whose files no backup held.
      const handle = await open(join(root, id, file.name), 'r').catch((error: unknown) => {
        throw codeOf(error) === 'ENOENT' ? unknownCopy(id) : error
      })
      return { bytes: file.bytes, stream: handle.createReadStream() }
    },
    remove: async (caller, id) => {
      if (!(await deleteScratchCopy(db, ownerOf(caller), id))) throw unknownCopy(id)
      await rm(join(root, id), { recursive: true, force: true })
    },
    sweep: async () => {
      // Listed first: whatever is finished later has its row before its folder is asked for.
      const names = await readdir(root)
      await deleteScratchCopiesBefore(db, new Date(clock.now().getTime() - keptMs))
      let count = 0
      for (let start = 0; start < names.length; start += lookUpMax) {
        const some = names.slice(start, start + lookUpMax)
        const kept = await selectScratchCopyIds(db, some)
        for (const name of some) {
          if (kept.has(name) || making.has(idOf(name))) continue
          await rm(join(root, name), { recursive: true, force: true })
          count++
        }
      }
      return count
    },
  }
}

/** Gives the engine's files names in their order, makes them ours and durable. */
async function named(folder: string, format: ScratchFormat, copied: CopyResult): Promise<ScratchFile[]> {
  await adoptFiles(folder, new Map(copied.files.map(({ path, bytes }) => [path, bytes])))
  const files: ScratchFile[] = []
  for (const [index, { path, bytes, rowCount }] of copied.files.entries()) {
    const ending = /\.[a-z.]+$/.exec(basename(path))?.[0] ?? `.${format}`
    const name = `part-${String(index + 1).padStart(5, '0')}${ending}`
    await syncFile(path)
    await rename(path, join(folder, name))
    files.push({ name, bytes, rowCount })
  }
  await syncFolder(folder)
  return files
}

const storedFiles = z.array(z.object({ name: z.string(), bytes: z.number(), rowCount: z.number() }))

function copyOf(row: ScratchCopyRow): ScratchCopy {
  return {
    id: row.id,
    folder: row.folder,
    format: row.format as ScratchFormat,
    rowCount: Number(row.row_count),
    files: storedFiles.parse(row.files),
    createdAt: row.created_at,
    expiresAt: expiryOf(row.created_at),
  }
}

function ownerOf({ principal, sandbox }: Caller) {
  return { sandboxId: sandbox.id, principalId: principal.id }
}

function expiryOf(createdAt: Date): Date {
  return new Date(createdAt.getTime() + keptMs)
}

/** Of a folder's name: its copy's id, finished or not. */
function idOf(name: string): string {
  return name.split('.', 1)[0] ?? ''
}

function unknownCopy(id: string): AppError {
  return new AppError(
    'query.unknown',
    `You have no copy ${JSON.stringify(id.slice(0, 80))} with such a file.`,
    {
      hint: 'Copies are kept for 7 days; GET /sluice/v1/scratch-space lists yours.',
    },
  )
}

function bytesOf(copies: readonly Pick<ScratchCopy, 'files'>[]): number {
  return copies.flatMap(({ files }) => files).reduce((sum, { bytes }) => sum + bytes, 0)
}

function full(message: string): AppError {
  return new AppError('query.limit', message, {
    hint: 'Delete some: DELETE /sluice/v1/scratch-space/{id}. The setting limits.scratchBytesMax says how large all may be.',
  })
}
