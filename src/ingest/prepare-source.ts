import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '#engine/engine.ts'
import { ingestCodes, invalidFile } from './ingest-failure.ts'
import { prepareParquet } from './prepare-parquet.ts'
import { type PreparedSource, prepareText } from './prepare-text.ts'
import { unreadable } from './read-records.ts'
import type { TableSchema } from './table-schema.ts'
import { Unreadable } from './records.ts'
import type { RejectLog } from './rejects.ts'
import { plainFile, type SourceFile } from './source-text.ts'

export interface Prepared extends PreparedSource {
  /** The batch's files, unpacked where the engine reads them itself. */
  readonly plainFiles: readonly SourceFile[]
}

/** The statement that gives the good rows of a batch's files. @throws AppError 'ingest.invalid', 'store.full' */
export async function prepareSource(
  files: readonly SourceFile[],
  options: {
    readonly format: 'parquet' | 'json' | 'csv'
    readonly isMultiLineJson: boolean
    /** Texts may hold U+0000. */
    readonly takesNul: boolean
    readonly table: TableSchema
    readonly rejects: RejectLog
    readonly workFolder: string
    readonly engine: Engine
    readonly signal: AbortSignal
    /** Of each file no more rows than these are looked at. */
    readonly rowCountMax?: number
    /** Our readers look at each record of a text. */
    readonly isJudged?: boolean
  },
): Promise<Prepared> {
  const { format, workFolder, signal, isJudged = false } = options
  for (const file of files) {
    const { size } = await stat(file.path)
    if (size === 0) throw invalidFile(file.fileName, 'is empty', { code: ingestCodes.emptyFile })
  }
  if (format !== 'parquet') {
    const source = await prepareText(files, {
      ...options,
      format,
      path: join(workFolder, isJudged ? 'judged' : 'records'),
    })
    return { ...source, plainFiles: files }
  }
  const plainFiles: SourceFile[] = []
  for (const file of files) {
    plainFiles.push(
      await plainFile(file, { workFolder, signal }).catch((error: unknown) => {
        throw error instanceof Unreadable ? unreadable(file, error) : error
      }),
    )
  }
  return { ...(await prepareParquet(plainFiles, options)), plainFiles }
}
