import type { Sieve } from '../records.ts'
import type { PlainForm } from './plain-form.ts'
import { PlainRecords } from './plain-records.ts'

/** Files of one form. */
interface Source {
  readonly form: PlainForm
  readonly paths: string[]
  rowCount: number
  /** Those taken out of files with other records. */
  records?: PlainRecords
}

/** Each may have a file that is open, and is a part of the query. */
const formsMax = 32

/** All that is plain of a batch, by form. */
export class PlainSources implements AsyncDisposable {
  /** Files that begin with it are made. */
  readonly #path: string
  readonly #sources = new Map<string, Source>()
  #recordFiles = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Whether files of the form may come. What a batch of many headers has of more forms is our readers'. */
  takes({ key }: PlainForm): boolean {
    return this.#sources.has(key) || this.#sources.size < formsMax
  }

  /** A file that holds plain records only. */
  addFile(form: PlainForm, file: { readonly path: string; readonly rowCount: number }): void {
    const source = this.#of(form)
    source.paths.push(file.path)
    source.rowCount += file.rowCount
  }

  /** Takes the plain records out of a file's text. */
  async sieve(form: PlainForm): Promise<Sieve> {
    const source = this.#of(form)
    source.records ??= await PlainRecords.create(`${this.#path}-${(this.#recordFiles += 1)}`, form)
    return source.records.sieve(form)
  }

  /** To be called after each text that was looked at. */
  async flush(): Promise<void> {
    for (const { records } of this.#sources.values()) await records?.flush()
  }

  /** After the last flush. Undefined: nothing is plain. */
  source():
    | { readonly sql: string; readonly files: readonly string[]; readonly rowCount: number }
    | undefined {
    const filled = [...this.#sources.values()]
      .map(({ form, paths, rowCount, records }) => ({
        form,
        paths: records && records.rowCount > 0 ? [...paths, records.path] : paths,
        rowCount: rowCount + (records?.rowCount ?? 0),
      }))
      .filter((one) => one.paths.length > 0)
    if (filled.length === 0) return undefined
    return {
      sql: filled.map(({ form, paths }) => form.sql(paths)).join('\nUNION ALL\n'),
      files: filled.flatMap(({ paths }) => paths),
      rowCount: filled.reduce((sum, one) => sum + one.rowCount, 0),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { records } of this.#sources.values()) await records?.[Symbol.asyncDispose]()
  }

  #of(form: PlainForm): Source {
    let found = this.#sources.get(form.key)
    if (!found) this.#sources.set(form.key, (found = { form, paths: [], rowCount: 0 }))
    return found
  }
}
