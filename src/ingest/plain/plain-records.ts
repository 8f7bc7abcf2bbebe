import { open, type FileHandle } from 'node:fs/promises'
import { must } from '#base/assert.ts'
import type { Sieve } from '../records.ts'
import { writeText } from '../staging.ts'
import type { PlainForm } from './plain-form.ts'
import { plainLengthMax } from './plain-sql.ts'
import { programOf } from './program.ts'

/** So many more records of a file may be looked at in vain than were taken; then the others are our readers' at once. */
const vainMax = 1_000

/** The plain records of files that have others, too, in a file of their own. */
export class PlainRecords implements AsyncDisposable {
  readonly path: string
  readonly form: PlainForm
  readonly #file: FileHandle
  #texts: string[]
  rowCount = 0

  private constructor(path: string, form: PlainForm, file: FileHandle) {
    this.path = path
    this.form = form
    this.#file = file
    this.#texts = [form.head]
  }

  static async create(path: string, form: PlainForm): Promise<PlainRecords> {
    return new PlainRecords(path, form, await open(path, 'wx', 0o644))
  }

  /** Takes what is plain out of a text that is scanned; files of one header have patterns of their own. */
  sieve({ pattern }: PlainForm): Sieve {
    const record = must(programOf(pattern), 'a form has a pattern that can be looked for')
    let vain = 0
    let looked = ''
    let isGood = true
    return (text, start) => {
      if (vain > vainMax) return start
      if (text !== looked) {
        looked = text
        isGood = text.isWellFormed()
      }
      // Our readers say which of its records are not UTF-8.
      if (!isGood) return start
      const lineEnd = text.indexOf('\n', start)
      if (lineEnd === -1 || lineEnd - start > plainLengthMax) return start
      record.lastIndex = start
      if (!record.test(text)) {
        vain += 1
        return start
      }
      const end = record.lastIndex
      this.#texts.push(text.slice(start, end))
      this.rowCount += 1
      vain -= 1
      return end
    }
  }

  /** To be called after each text: as long as anything that was taken of it is in memory, all of it is. */
  async flush(): Promise<void> {
    if (this.#texts.length === 0) return
    const text = this.#texts.join('')
    this.#texts = []
    await writeText(this.#file, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}
