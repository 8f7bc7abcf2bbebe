import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newAttemptFolder } from '#base/engine-folder.ts'
import type { CopyFormat, Engine } from '#engine/engine.ts'
import type { ExportPlan } from '../export-plan.ts'
import type { ExportScan } from './scan.ts'

/** How folders of rows begin that are written to see how large they come. */
export const sizeFolder = 'size-'

export interface Writing {
  readonly engine: Engine
  /** Where some rows are written for a moment. */
  readonly spoolFolder: string
}

/** Enough to make a row's share of a file's beginning and end small. */
const rowsWritten = 20_000

/** As some rows have in the form of the delivery; 0: there are none. */
export async function writtenBytesPerRow(
  { engine, plan, spoolFolder }: Writing & { readonly plan: ExportPlan },
  read: { readonly sql: string; readonly paths: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  await mkdir(spoolFolder, { recursive: true, mode: 0o711 })
  const id = `${sizeFolder}${randomUUID()}`
  try {
    const copied = await engine.copy(
      {
        sql: `(SELECT * FROM ${read.sql} AS first_rows LIMIT ${rowsWritten})`,
        files: read.paths,
        pool: 'interactive',
      },
      { folder: await newAttemptFolder(spoolFolder, id, 1), format: plan.format, signal },
    )
    return copied.files.reduce((sum, { bytes }) => sum + bytes, 0) / Math.max(1, copied.rowCount)
  } finally {
    await rm(join(spoolFolder, id), { recursive: true, force: true })
  }
}

/** What the engine makes groups of when nothing is said, and the least that it can. */
const groupRows = { most: 122_880, least: 2_048 }
/** The engine looks at a file's size after each group, of which several are under way: it is told to end so much early. */
const groupsInFile = 16
const groupsEarly = 4
/** Values take that many times the bytes that they have in the lake, at most but for rare cases. */
const largerMax = 8

/**
 * In which the engine writes, so that files are no larger than they may: it ends files of Parquet where groups of rows
 * do, which are made smaller where files are small.
 */
export async function formatOf(
  options: Writing & { readonly plan: ExportPlan },
  {
    sql,
    bytes,
    rowCount,
    paths,
  }: Pick<ExportScan, 'sql' | 'bytes' | 'rowCount'> & { readonly paths: readonly string[] },
  signal: AbortSignal,
): Promise<CopyFormat> {
  const { format, fileBytesMax } = options.plan
  // One file for certain: nothing need end it, and its rows keep their order.
  if (format.kind === 'parquet' && bytes * largerMax <= fileBytesMax) return format
  const isSmall =
    (bytes / rowCount) * Math.min(rowCount, groupsInFile * groupRows.most) * largerMax <= fileBytesMax
  if (format.kind !== 'parquet' || isSmall) return { ...format, fileBytesMax }
  const bytesPerRow = await writtenBytesPerRow(options, { sql, paths }, signal)
  // A power of two, so that it is the same whichever rows were looked at.
  const fitting = 2 ** Math.floor(Math.log2(fileBytesMax / groupsInFile / bytesPerRow))
  const groupRowsMax = Math.min(groupRows.most, Math.max(groupRows.least, fitting))
  const early = Math.min(groupsEarly * groupRowsMax * bytesPerRow, fileBytesMax / 2)
  return {
    ...format,
    fileBytesMax: Math.floor(fileBytesMax - early),
    ...(groupRowsMax < groupRows.most ? { groupRowsMax } : {}),
  }
}
