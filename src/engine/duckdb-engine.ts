import { availableParallelism } from 'node:os'
import type { Logger } from '#base/log.ts'
import { unprivilegedIds } from '#base/run-as.ts'
import type { Field } from '#types/data-type.ts'
import { parquetCopied, type StatsRow, textCopied } from './duckdb/copied-files.ts'
import type { Frame } from './duckdb/frames.ts'
import { Pool } from './duckdb/pool.ts'
import type { Request, TextFile, WireStatement } from './duckdb/protocol.ts'
import { inPlace, openPull, retriedOnce } from './duckdb/remote-pull.ts'
import { clearScratch, freeBytes, openScratch } from './duckdb/scratch.ts'
import { atOnce, type CopyOptions, type CopyResult, type Engine, type EngineStatement } from './engine.ts'

export interface DuckdbEngineOptions {
  readonly interactiveChildren: number
  readonly statementsPerChild: number
  readonly batchChildren: number
  /** Of all children together. */
  readonly memoryBytes: number
  /** Made if absent; what engines of an earlier life left in it is removed. */
  readonly scratchFolder: string
  readonly logger: Logger
}

/** Interactive statements are many, so each takes few threads. */
const interactiveThreadsMax = 4
/** Of the memory for interactive statements, rows that are kept for look-ups may take so much. */
const keptFraction = 1 / 8
/** Of the disk's free space, statements may spill so much together. */
const spillFraction = 0.5

/**
 * Starts processes that run DuckDB. Under root they run as another user: files to read must be readable, and folders to
 * write owned, by `unprivilegedIds()`.
 * @throws AppError 'engine.unavailable', 'home.unusable'
 */
export async function createDuckdbEngine(options: DuckdbEngineOptions): Promise<Engine> {
  const { scratchFolder } = options
  const runAs = unprivilegedIds()
  await openScratch(scratchFolder, runAs)
  const cores = availableParallelism()
  const common = {
    total: {
      memoryBytes: Math.floor(options.memoryBytes / 2),
      spillBytes: Math.floor(((await freeBytes(scratchFolder)) * spillFraction) / 2),
    },
    runAs,
    scratchFolder,
    logger: options.logger,
  }
  const keptBytes = Math.floor((common.total.memoryBytes * keptFraction) / options.interactiveChildren)
  const pools = {
    interactive: new Pool({
      ...common,
      total: {
        ...common.total,
        memoryBytes: common.total.memoryBytes - keptBytes * options.interactiveChildren,
      },
      keptBytes,
      kind: 'interactive',
      children: options.interactiveChildren,
      statementsPerChild: options.statementsPerChild,
      threads: Math.min(cores, interactiveThreadsMax),
      spareInstances: 2,
    }),
    batch: new Pool({
      ...common,
      keptBytes: 0,
      kind: 'batch',
      children: options.batchChildren,
      statementsPerChild: 1,
      threads: cores,
      spareInstances: 1,
    }),
  }
  const both = [pools.interactive, pools.batch]
  const stop = async (): Promise<void> => {
    await Promise.all(both.map((pool) => pool.stop()))
    await clearScratch(scratchFolder)
  }
  try {
    await Promise.all(both.map((pool) => pool.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    open: (statement, options) => openPull(pools[statement.pool], statement, options),
    describe: (statement, { signal }) => describe(pools[statement.pool], statement, signal),
    copy: (statement, options) => copy(pools[statement.pool], statement, options),
    status: () => {
      const [interactive, batch] = both.map((pool) => pool.status())
      return {
        children: [...interactive!.children, ...batch!.children],
        restarts: interactive!.restarts + batch!.restarts,
      }
    },
    killChildren: async () => {
      await Promise.all(both.map((pool) => pool.killBusy()))
    },
    [Symbol.asyncDispose]: stop,
  }
}

async function describe(pool: Pool, statement: EngineStatement, signal: AbortSignal): Promise<Field[]> {
  const attempt = async (): Promise<Field[]> =>
    await inPlace(pool, signal, async (place) => {
      const request = { op: 'describe', statement: place.wireStatement(statement) } as const
      const answer = await place.ask(request, { signal })
      place.ended()
      return bodyOf(answer) as Field[]
    })
  return await retriedOnce(attempt)
}

/** Not tried again after a crash: what lies in the folder then is rubbish. */
async function copy(pool: Pool, statement: EngineStatement, options: CopyOptions): Promise<CopyResult> {
  const { signal, onProgress, inTurn = atOnce } = options
  const place = await pool.enter(signal)
  try {
    const request = copyRequest(place.wireStatement(statement), options)
    const progress = onProgress ? { onProgress: (rowCount: number) => onProgress({ rowCount }) } : {}
    const answer = await inTurn(() => place.ask(request, { signal, ...progress }))
    place.ended()
    return options.format.kind === 'parquet'
      ? parquetCopied(bodyOf(answer) as StatsRow[])
      : textCopied(bodyOf(answer) as TextFile[])
  } catch (error) {
    await place.leave()
    throw error
  }
}

function copyRequest(statement: WireStatement, { folder, format, isOrdered = false }: CopyOptions): Request {
  if (format.kind === 'parquet') {
    return { op: 'copy', statement, format, folder, isOrdered }
  }
  const { kind, compression, fileBytesMax } = format
  return {
    op: 'copyText',
    statement,
    kind,
    folder,
    isOrdered,
    extension: `.${kind}${{ none: '', gzip: '.gz', zstd: '.zst' }[compression]}`,
    compression,
    ...(fileBytesMax === undefined ? {} : { fileBytesMax }),
  }
}

function bodyOf(frame: Frame): unknown {
  return JSON.parse(frame.body.toString())
}
