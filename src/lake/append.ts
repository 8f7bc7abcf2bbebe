import { type Backoff, backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { Logger } from '#base/log.ts'
import type { Engine } from '#engine/engine.ts'
import { selectLakeCommitOfBatch } from '#metadata/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { commitFiles, resultOf } from './commit.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { schemaOf } from './iceberg/table-metadata.ts'
import type { AppendRequest, AppendResult } from './lake.ts'
import { scanSql } from './scan-sql.ts'
import { definitionOf, knownTable } from './table-definition.ts'
import { tableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'
import type { Turns } from './turns.ts'
import type { Write, Writes } from './writes.ts'
import { writeDataFiles } from './write-files.ts'

export interface AppendContext {
  readonly metadata: Metadata
  readonly engine: Engine
  readonly lakeFolder: string
  readonly clock: Clock
  readonly logger: Logger
  readonly reader: TableReader
  readonly writes: Writes
  /** By table: who must write again because others overtook him keeps the others of this process waiting. */
  readonly turns: Turns
}

/** A batch is written once, or once more for each node that overtakes it. */
export const writeTriesMax = 12
const writeBackoff: Backoff = { firstMs: 20, maxMs: 2_000, jitter: 0.9 }

interface Written {
  readonly write: Write
  readonly ingestTimeMs: number
  readonly dataFiles: readonly DataFile[]
}

/** The files may be part of the table: they must stay. */
class UnknownOutcome extends Error {
  constructor(cause: unknown) {
    super('The outcome of a commit is unknown.', { cause })
  }
}

export async function append(context: AppendContext, request: AppendRequest): Promise<AppendResult> {
  const { metadata, clock, reader } = context
  const { tableId, batchId, signal } = request
  signal.throwIfAborted()
  const before = await selectLakeCommitOfBatch(metadata.db, tableId, batchId)
  if (before) return resultOf(before, false)
  const table = definitionOf(await knownTable(metadata.db, tableId))
  const files = tableFiles(context.lakeFolder, table.datasetId)

  /** Records the write, then writes. Nothing is left of a write that fails. */
  async function write(source: AppendRequest['source']): Promise<Written> {
    const row = await knownTable(metadata.db, tableId)
    const base = await reader.metadata(files, row.metadata_file)
    const ingestTimeMs = Math.max(clock.now().getTime(), Number(row.last_ingest_time) + 1)
    const write = await context.writes.begin(table)
    try {
      const dataFiles = await writeDataFiles(
        { engine: context.engine, files },
        { table, metadata: base },
        {
          writeId: write.id,
          batchId,
          ingestTimeMs,
          source,
          ...(request.onProgress ? { onProgress: request.onProgress } : {}),
          signal,
        },
      )
      return { write, ingestTimeMs, dataFiles }
    } catch (error) {
      await write.discard()
      throw error
    }
  }

  /** The same rows with a newer ingest time, from the files that are there. */
  async function rewrite(old: Written): Promise<Written> {
    const row = await knownTable(metadata.db, tableId)
    const struct = schemaOf(await reader.metadata(files, row.metadata_file))
    const paths = old.dataFiles.map((file) => files.path(files.nameOf(file.path)))
    const sql = scanSql(paths, table.schema.fields, struct)
    const written = await write({ sql, files: paths, pool: request.source.pool })
    await old.write.discard()
    return written
  }

  async function commit(first: Written): Promise<AppendResult> {
    let written = first
    try {
      for (let attempt = 1; attempt <= writeTriesMax; attempt += 1) {
        const outcome = await commitFiles(
          { metadata, reader, files, clock },
          {
            tableId,
            batchId,
            writeId: written.write.id,
            ingestTimeMs: written.ingestTimeMs,
            dataFiles: written.dataFiles,
            within: request.within,
            signal,
          },
        )
        switch (outcome.kind) {
          case 'committed':
            if (outcome.result.isNew) written.write.leave()
            else await written.write.discard() // Somebody else committed the batch meanwhile.
            return outcome.result
          case 'unknown':
            throw new UnknownOutcome(outcome.error)
          case 'overtaken':
            context.logger.log('info', 'lake.append.overtaken', { tableId, batchId, attempt })
            if (attempt > 1) await clock.sleep(backoffMs(writeBackoff, attempt), signal)
            written = await rewrite(written)
            break
          case 'swept':
            context.logger.log('warn', 'lake.append.swept', { tableId, batchId, attempt })
            await written.write.discard()
            written = await write(request.source)
        }
      }
    } catch (error) {
      if (error instanceof UnknownOutcome) {
        written.write.leave() // If it was not committed, the sweeper finds it in our records.
        throw error.cause
      }
      await written.write.discard()
      throw error
    }
    await written.write.discard()
    throw new AppError('lake.conflict', `Other batches overtook this one ${writeTriesMax} times.`, {
      hint: 'Try again; write fewer, larger batches to one dataset.',
    })
  }

  const written = await write(request.source)
  await faultPoint('lake.write.done')
  return await context.turns.take(tableId, async () => await commit(written))
}
