import { createReadStream } from 'node:fs'
import { appendFile, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { shortened } from '#base/shown-text.ts'
import { codeOf } from '#base/system-error.ts'
import type { BatchId } from '#base/ids.ts'
import type { BatchError } from '#datasets/datasets.ts'
import { makeFolderDurably, syncFolder, writeFileDurably } from '#objects/durable-files.ts'
import { ingestCodes, isRefused } from './ingest-failure.ts'
import type { Reject } from './ingest.ts'
import type { Staging } from './staging.ts'

/** How many rejects of a batch are shown, and how much of each. */
export const rejectsKeptMax = 10_000
const recordLengthMax = 4_096
const errorsBytesMin = 1024 ** 3

/** What may be written of the rejects of files: a line says more of a row than the row, and of packed ones far more. */
export function errorsBytesMax(files: readonly { readonly bytes: number }[]): number {
  return errorsBytesMin + 4 * files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Counts the rejects of a batch, keeps the first ones to be shown, and writes all of them, whole, to a file if it has one. */
export class RejectLog {
  readonly #path: string | undefined
  readonly #bytesMax: number
  #bytes = 0
  /** To be written. */
  #lines: string[] = []
  readonly #kept: Reject[] = []
  readonly #countByCode = new Map<string, number>()
  #count = 0

  /**
   * @param path of the file that is made when the first one comes; it is no one else's
   * @param bytesMax of it
   */
  constructor(path?: string, bytesMax = Infinity) {
    this.#path = path
    this.#bytesMax = bytesMax
  }

  get count(): number {
    return this.#count
  }

  get kept(): readonly Reject[] {
    return this.#kept
  }

  /** How many more are wanted in full. */
  get room(): number {
    return this.#path === undefined ? rejectsKeptMax - this.#kept.length : Infinity
  }

  /** Before the same files are looked through once more. */
  async forget(): Promise<void> {
    this.#lines = []
    this.#bytes = 0
    this.#kept.length = 0
    this.#countByCode.clear()
    this.#count = 0
    if (this.#path !== undefined) await rm(this.#path, { force: true })
  }

  add(reject: Reject): void {
    this.keep(reject)
    this.addCount(reject.code, 1)
  }

  /** Without counting it. */
  keep(reject: Reject): void {
    if (this.#kept.length < rejectsKeptMax) {
      this.#kept.push({ ...reject, record: shortened(reject.record, recordLengthMax) })
    }
    if (this.#path !== undefined) this.#lines.push(errorLine(reject))
  }

  /**
   * To be called now and then: what was kept is in memory until then.
   * @throws AppError 'ingest.invalid' when it is too much
   */
  async flush(): Promise<void> {
    if (this.#path === undefined || this.#lines.length === 0) return
    const text = this.#lines.join('')
    this.#lines = []
    await appendFile(this.#path, text)
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > this.#bytesMax) throw tooMany(this.#bytesMax)
  }

  addCount(code: string, count: number): void {
    this.#count += count
    this.#countByCode.set(code, (this.#countByCode.get(code) ?? 0) + count)
  }

  /** What the batch says about them: a sum, then each kind. */
  errors(rowCount: number, hasDiagnostics = true): readonly BatchError[] {
    if (this.#count === 0) return []
    const kinds = [...this.#countByCode].map(([code, count]) => ({
      code,
      description:
        code === ingestCodes.requiredMissing
          ? 'Rows lack a required field or their identity.'
          : 'Rows are corrupt or do not fit the schema.',
      rowCount: count,
    }))
    const sum = {
      code: ingestCodes.tooManyRejects,
      description: `${this.#count} of ${rowCount} rows were refused.`,
      rowCount: this.#count,
    }
    if (!hasDiagnostics) {
      const description = `Of ${this.#count} refused rows the reasons are kept with enableErrorDiagnostics.`
      return [{ ...sum, code: ingestCodes.noDiagnostics, description }]
    }
    return [sum, ...kinds]
  }
}

function tooMany(bytesMax: number): AppError {
  return new AppError('ingest.invalid', `More rows were refused than ${bytesMax} bytes can tell of.`, {
    hint: 'Mend the rows by the reasons of the first ones. The files are kept as they were sent.',
    detail: { batchCode: ingestCodes.tooManyRejects },
  })
}

/** A refused row in the words of the reference platform. */
export function errorLine({ fileName, row, code, reason, record }: Reject): string {
  const error = { code: isRefused.exec(code)?.[1] ?? code, message: `Row ${row}: ${reason}.` }
  return `${JSON.stringify({ _corrupt_record: record, _errors: [error], _filename: fileName })}\n`
}

/**
 * Keeps what was refused, and the file that has all of it. On the disk when this returns. Every attempt at a batch finds the
 * same rejects, so whoever comes last may replace them.
 */
export async function keepRejects(
  rejects: RejectLog,
  {
    batchId,
    staging,
    errorsPath,
    workFolder,
  }: {
    readonly batchId: BatchId
    readonly staging: Staging
    /** Of the log. */
    readonly errorsPath: string
    /** Of this attempt alone. */
    readonly workFolder: string
  },
): Promise<void> {
  if (rejects.kept.length === 0) return
  await rejects.flush()
  await makeFolderDurably(staging.rejectsFolder)
  await using file = await open(errorsPath, 'r+')
  await file.sync()
  const written = join(workFolder, 'rejects.jsonl')
  await rm(written, { force: true })
  const lines = rejects.kept.map((reject) => `${JSON.stringify(reject)}\n`)
  await writeFileDurably(written, Buffer.from(lines.join('')))
  await rename(errorsPath, staging.errorsPath(batchId))
  await rename(written, staging.rejectsPath(batchId))
  await syncFolder(dirname(staging.rejectsPath(batchId)))
}

/** The first ones; none when nothing was refused or they have been swept. */
export async function readRejects(path: string, limit: number): Promise<readonly Reject[]> {
  const rejects: Reject[] = []
  for await (const line of linesOf(path, limit)) {
    rejects.push(must(JSON.parse(line) as Reject | null, 'a line of rejects is one'))
  }
  return rejects
}

/**
 * The first lines of a file; none when it is not there. A line ends with `\n` and with nothing else: texts in JSON may hold
 * what others take for an end, such as U+2028.
 */
export async function* linesOf(path: string, countMax = Infinity): AsyncGenerator<string> {
  if (countMax <= 0) return
  let count = 0
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
      const lines = `${rest}${String(chunk)}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        yield line
        if (++count >= countMax) return
      }
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
  if (rest !== '') yield rest
}
