import { randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { faultPoint } from '#base/faults.ts'
import type { DatasetId, TableId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { claimSilentLakeWrites, deleteLakeWrite, insertLakeWrite, touchLakeWrite } from '#metadata/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { LakeFiles } from './lake-files.ts'
import { type TableFiles, tableFiles } from './table-files.ts'
import { writeFolder } from './write-files.ts'

/**
 * Files under way. A write is recorded before its first byte and forgotten in the transaction that commits its files,
 * so a recorded write is never part of a table.
 *
 * Its writer says every while that it is alive. One that is silent for long is taken by a sweeper: first it is marked,
 * after which it can no longer commit, then its files are removed, then it is forgotten. A writer that was only slow
 * finds its write taken and begins again.
 */
export interface Writes {
  begin(table: { readonly id: TableId; readonly datasetId: DatasetId }): Promise<Write>
  sweep(signal: AbortSignal): Promise<{ readonly filesRemoved: number }>
}

export interface Write {
  readonly id: string
  /** Its files are part of the table, or nobody knows yet: they stay. */
  leave(): void
  /** Removes its files. What cannot be removed now is left to the sweeper. */
  discard(): Promise<void>
}

/** Files of the write may be part of the table: they must stay. */
export class UnknownOutcome extends Error {
  constructor(cause: unknown) {
    super('The outcome of a commit is unknown.', { cause })
  }
}

export const writerBeatMs = 20_000
/** Six beats; longer than any pause of a healthy process. */
export const writerSilentMsMax = 120_000
const sweptAtOnceMax = 100

export function trackWrites(options: {
  readonly metadata: Metadata
  readonly lakeFiles: LakeFiles
  readonly clock: Clock
  readonly logger: Logger
  readonly incarnation: string
}): Writes {
  const { metadata, lakeFiles, clock, logger, incarnation } = options
  const active = new Set<string>()

  async function beat(id: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await clock.sleep(writerBeatMs, signal)
      } catch {
        return // The write has ended.
      }
      try {
        await touchLakeWrite(metadata.db, id, clock.now())
      } catch (error) {
        // A beat may be missed; the next one says the same.
        logger.log('debug', 'lake.write.beat_missed', { writeId: id, error })
      }
    }
  }

  return {
    begin: async (table) => {
      const id = randomUUID()
      await insertLakeWrite(metadata.beside, {
        id,
        table_id: table.id,
        dataset_id: table.datasetId,
        incarnation,
        state: 'open',
        touched_at: clock.now(),
      })
      active.add(id)
      const ended = new AbortController()
      void beat(id, ended.signal)
      const leave = (): void => {
        ended.abort()
        active.delete(id)
      }
      return {
        id,
        leave,
        discard: async () => {
          try {
            await removeFiles(tableFiles(lakeFiles, table.datasetId), id)
            await deleteLakeWrite(metadata.beside, id)
          } catch (error) {
            // The sweeper finds it in our records.
            logger.log('warn', 'lake.write.left_to_sweeper', { writeId: id, error })
          } finally {
            leave()
          }
        },
      }
    },

    sweep: async (signal) => {
      let filesRemoved = 0
      for (;;) {
        signal.throwIfAborted()
        const silent = await claimSilentLakeWrites(metadata.db, {
          before: new Date(clock.now().getTime() - writerSilentMsMax),
          except: Array.from(active),
          limit: sweptAtOnceMax,
        })
        for (const write of silent) {
          signal.throwIfAborted()
          const removed = await removeFiles(tableFiles(lakeFiles, write.dataset_id), write.id)
          await faultPoint('lake.sweep.middle')
          await deleteLakeWrite(metadata.db, write.id)
          filesRemoved += removed
          logger.log('info', 'lake.write.swept', {
            writeId: write.id,
            tableId: write.table_id,
            incarnation: write.incarnation,
            filesRemoved: removed,
          })
        }
        if (silent.length < sweptAtOnceMax) break
      }
      // What a writer was killed over before it had a name is found by its age alone.
      filesRemoved += await lakeFiles.sweepUnfinished({ now: clock.now(), signal })
      return { filesRemoved }
    },
  }
}

/** Every file of a write has its id in its name or folder. */
async function removeFiles(files: TableFiles, writeId: string): Promise<number> {
  const removed = await files.discard(writeFolder(writeId))
  const named: string[] = []
  for await (const { name } of files.list('metadata')) if (name.includes(writeId)) named.push(name)
  await files.removeAll(named)
  return removed + named.length
}
