import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { must } from '#base/assert.ts'
import { shortened } from '#base/shown-text.ts'
import { readTextIfThere } from '#base/system-error.ts'
import type { BatchError } from '#datasets/datasets.ts'
import { makeFolderDurably, syncFolder, writeFileDurably } from '#objects/durable-files.ts'
import { ingestCodes } from './ingest-failure.ts'
import type { Reject } from './ingest.ts'

/** How many rejects of a batch are kept; all of them are counted. */
export const rejectsKeptMax = 10_000
export const recordLengthMax = 4_096

/** Counts the rejects of a batch and keeps the first ones. */
export class RejectLog {
  readonly #kept: Reject[] = []
  readonly #countByCode = new Map<string, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  get kept(): readonly Reject[] {
    return this.#kept
  }

  /** How many more are wanted in full. */
  get room(): number {
    return rejectsKeptMax - this.#kept.length
  }

  /** Before the same files are looked through once more. */
  forget(): void {
    this.#kept.length = 0
    this.#countByCode.clear()
    this.#count = 0
  }

  add(reject: Reject): void {
    this.keep(reject)
    this.addCount(reject.code, 1)
  }

  /** Without counting it. */
  keep(reject: Reject): void {
    if (this.room > 0) this.#kept.push({ ...reject, record: shortened(reject.record, recordLengthMax) })
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
          ? 'Rows lack a required field.'
          : 'Rows are corrupt or do not fit the schema.',
      rowCount: count,
    }))
    const sum = {
      code: ingestCodes.tooManyRejects,
      description: `${this.#count} of ${rowCount} rows were refused.`,
      rowCount: this.#count,
    }
    if (!hasDiagnostics) {
      const description = `${sum.description} Their reasons are kept with enableErrorDiagnostics.`
      return [{ ...sum, code: ingestCodes.noDiagnostics, description }]
    }
    return [sum, ...kinds]
  }
}

/**
 * On the disk when this returns. Every attempt at a batch finds the same rejects, so whoever comes last may replace them.
 * @param workFolder of this attempt alone
 */
export async function writeRejects(
  path: string,
  { rejects, workFolder }: { readonly rejects: readonly Reject[]; readonly workFolder: string },
): Promise<void> {
  await makeFolderDurably(dirname(path))
  const written = join(workFolder, 'rejects.jsonl')
  await rm(written, { force: true })
  await writeFileDurably(
    written,
    Buffer.from(rejects.map((reject) => `${JSON.stringify(reject)}\n`).join('')),
  )
  await rename(written, path)
  await syncFolder(dirname(path))
}

/** The first ones; none when nothing was refused or they have been swept. */
export async function readRejects(path: string, limit: number): Promise<readonly Reject[]> {
  const text = await readTextIfThere(path)
  return (text ?? '')
    .split('\n', limit)
    .filter((line) => line !== '')
    .map((line) => must(JSON.parse(line) as Reject | null, 'a line of rejects is one'))
}
