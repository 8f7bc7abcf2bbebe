import { open, type FileHandle } from 'node:fs/promises'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { type DataType, type Field, mapScalars, sameType, stringType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { writeText } from './staging.ts'
import { isNested } from './value-readers.ts'

/**
 * Records of text files, made plain for the engine: a line each, a dot and the fields, each after a 0x01. Characters
 * that would disturb are written as 0x04 and a letter, so that no value is taken for structure and the engine needs
 * no rules of quoting. An empty field is NULL, 0x04 `e` the empty text.
 */
const fieldStart = '\u0001'
const escape = '\u0004'
/** Escaped where it is taken at all. */
const nul = '\0'
const codes: ReadonlyMap<string, string> = new Map([
  [fieldStart, '1'],
  ['\n', 'n'],
  ['\r', 'r'],
  [nul, '0'],
  // Last, also when it is undone: before that every 0x04 begins a code.
  [escape, '4'],
])
const emptyText = `${escape}e`
const disturbing = new RegExp(`[${[...codes.keys()].filter((character) => character !== nul).join('')}]`)
const disturbingAll = new RegExp(disturbing, 'g')

const flushLength = 1024 * 1024

export class PreparedFile implements AsyncDisposable {
  readonly path: string
  readonly #file: FileHandle
  readonly #isText: readonly boolean[]
  readonly #takesNul: boolean
  #lines: string[] = []
  #length = 0
  rowCount = 0
  /** Of the longest line. */
  lengthMax = 0

  private constructor(path: string, file: FileHandle, fields: readonly Field[], takesNul: boolean) {
    this.path = path
    this.#file = file
    this.#takesNul = takesNul
    this.#isText = fields.map((field) => canBeEmpty(field.type))
  }

  /** @param takesNul texts may hold U+0000 */
  static async create(path: string, fields: readonly Field[], takesNul = false): Promise<PreparedFile> {
    return new PreparedFile(path, await open(path, 'wx', 0o644), fields, takesNul)
  }

  /** False when the texts hold what no text of a table can. */
  add(texts: readonly (string | null)[]): boolean {
    let line = '.'
    for (let index = 0; index < texts.length; index += 1) {
      const text = texts[index] ?? null
      line += fieldStart
      if (text !== null) line += this.#isText[index] ? escaped(text) : text
    }
    if (this.#takesNul) line = line.replaceAll(nul, `${escape}${codes.get(nul)}`)
    if (line.includes(nul) || !line.isWellFormed()) return false
    this.#lines.push(line)
    this.#length += line.length
    this.lengthMax = Math.max(this.lengthMax, line.length)
    this.rowCount += 1
    return true
  }

  /** To be called now and then: what was added is in memory until then. */
  async flush(isLast = false): Promise<void> {
    if (this.#lines.length === 0 || (!isLast && this.#length < flushLength)) return
    const text = `${this.#lines.join('\n')}\n`
    this.#lines = []
    this.#length = 0
    await writeText(this.#file, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** Types of which the empty text is a value; of others it is none. */
function canBeEmpty({ kind }: DataType): boolean {
  return kind === 'string' || kind === 'binary'
}

function escaped(text: string): string {
  if (text === '') return emptyText
  if (!disturbing.test(text)) return text
  return text.replaceAll(disturbingAll, (found) => `${escape}${codes.get(found)}`)
}

/** The columns by name and type. */
export function preparedSql(
  { path, lengthMax }: Pick<PreparedFile, 'path' | 'lengthMax'>,
  fields: readonly Field[],
): string {
  const values = fields.map(({ name, type }, index) => {
    const text = `c${index}`
    const given = canBeEmpty(type) ? decodeSql(text) : isNested(type) ? nestedSql(text, type) : text
    const value = type.kind === 'string' ? given : `CAST(${given} AS ${duckdbType(type)})`
    return `${value} AS ${quoteIdentifier(name)}`
  })
  const columns = ["'dot': 'VARCHAR'", ...fields.map((_, index) => `'c${index}': 'VARCHAR'`)]
  // Characters take up to four bytes.
  const lineBytesMax = Math.max(2 * 1024 * 1024, 4 * lengthMax + 16)
  return `SELECT ${values.join(', ')} FROM read_csv(${quoteLiteral(path)}, auto_detect = false, header = false, delim = chr(1), quote = '', escape = '', comment = '', new_line = '\\n', max_line_size = ${lineBytesMax}, columns = {${columns.join(', ')}})`
}

/** The engine takes a text of JSON as the bytes themselves, and reads their notation only in a text of its own. */
function nestedSql(text: string, type: DataType): string {
  const json = `CAST(${text} AS JSON)`
  const textual = mapScalars(type, (inner) => (inner.kind === 'binary' ? stringType : inner))
  return sameType(type, textual) ? json : `CAST(${json} AS ${duckdbType(textual)})`
}

function decodeSql(name: string): string {
  const decoded = [...codes].reduce(
    (sql, [character, code]) => `replace(${sql}, chr(4) || '${code}', chr(${character.charCodeAt(0)}))`,
    name,
  )
  return `CASE WHEN contains(${name}, chr(4)) THEN CASE WHEN ${name} = chr(4) || 'e' THEN '' ELSE ${decoded} END ELSE ${name} END`
}
