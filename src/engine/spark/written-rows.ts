import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { Logger } from '#base/log.ts'
import { quoteSparkIdentifier } from '#base/spark-text.ts'
import { type DataType, type Field, sameType, stringType } from '#types/data-type.ts'
import { sparkType } from '#types/spark-type.ts'
import type { EngineStatement, WrittenRows } from '../engine.ts'
import type { Plan } from './messages.ts'
import type { Operation } from './operation.ts'
import { relationOf } from './relation.ts'

const errorIfExists = 3
const rowCountName = 'rows'

/** The columns as files have them. */
export function writtenColumns(columns: readonly Field[]): readonly Field[] {
  return columns.map(({ type }, index) => ({ name: `c${index}`, type: writable(type) }))
}

/** Parquet has no column of nothing but NULLs. */
function writable(type: DataType): DataType {
  switch (type.kind) {
    case 'void':
      return stringType
    case 'array':
      return { ...type, element: writable(type.element) }
    case 'map':
      return { ...type, key: writable(type.key), value: writable(type.value) }
    case 'struct':
      return { ...type, fields: type.fields.map((field) => ({ ...field, type: writable(field.type) })) }
    default:
      return type
  }
}

/**
 * A plan that writes a statement's rows into a folder that is not there yet, and counts them on the way. Spark moves
 * each file there when its task has ended well, and only one attempt of each task is let.
 */
export function writePlan(
  statement: EngineStatement,
  {
    found,
    columns,
    folder,
  }: { readonly found: readonly Field[]; readonly columns: readonly Field[]; readonly folder: string },
): Plan {
  const names = columns.map((_, index) => quoteSparkIdentifier(`column ${index}`))
  const items = columns.map(({ name, type }, index) => {
    const own = found[index]
    const isSame = own !== undefined && sameType(own.type, type)
    return `${isSame ? names[index] : `CAST(${names[index]} AS ${sparkType(type)})`} AS ${name}`
  })
  const sql = `SELECT ${items.join(', ')} FROM (${statement.sql}\n) AS query(${names.join(', ')})`
  const metrics = [{ expressionString: { expression: 'count(1)' } }]
  const input = { collectMetrics: { input: relationOf({ ...statement, sql }), name: rowCountName, metrics } }
  const options = { compression: 'snappy' }
  const path = `file://${folder}`
  return { command: { writeOperation: { input, source: 'parquet', path, mode: errorIfExists, options } } }
}

/** Waits for a plan of `writePlan`. */
export async function finishWrite(
  operation: Operation,
  { folder, columns }: { readonly folder: string; readonly columns: readonly Field[] },
): Promise<Omit<WrittenRows, keyof AsyncDisposable>> {
  const observed = await operation.finish()
  await faultPoint('spark.write.after')
  const names = (await namesIn(folder)).filter((name) => name.startsWith('part-'))
  return {
    files: names.map((name) => join(folder, name)),
    columns,
    // An input that Spark found empty before it read anything is not observed.
    rowCount: observed.get(rowCountName) ?? 0,
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted()
  } catch (error) {
    throw new AppError('engine.unavailable', 'What Spark wrote has not arrived.', {
      hint: 'Spark needs the folder spark.folder at the same path, on each of its machines.',
      cause: error,
    })
  }
}

/** The folder that all writes are in, each in one of its own. What cannot be removed is told to the log alone. */
export class RowsFolder {
  readonly #path: string
  readonly #logger: Logger
  readonly #life = randomUUID()
  #lastWrite = 0

  constructor(path: string, logger: Logger) {
    this.#path = path
    this.#logger = logger
  }

  /** Makes it, and removes what earlier lives of the server left. @throws AppError 'engine.unavailable' */
  async open(): Promise<void> {
    try {
      await mkdir(this.#path, { recursive: true })
    } catch (error) {
      throw new AppError('engine.unavailable', 'The folder for rows from Spark cannot be made.', {
        hint: 'Whoever runs the server sets spark.folder to one that Sluice and Spark may write to.',
        cause: error,
      })
    }
    await this.#removeAll((name) => !name.startsWith(this.#life))
  }

  /** A path for another write; Spark makes it. */
  next(): string {
    this.#lastWrite += 1
    return join(this.#path, `${this.#life}-${this.#lastWrite}`)
  }

  async remove(folder: string): Promise<void> {
    try {
      await rm(folder, { recursive: true, force: true })
    } catch (error) {
      this.#logger.log('warn', 'spark.rows_left', { error })
    }
  }

  async close(): Promise<void> {
    await this.#removeAll(() => true)
  }

  async #removeAll(isOld: (name: string) => boolean): Promise<void> {
    const names = await readdir(this.#path).catch(() => []) // Never made: nothing to remove.
    for (const name of names.filter((name) => writeName.test(name) && isOld(name))) {
      await this.remove(join(this.#path, name))
    }
  }
}

/** What others put there is left alone. */
const writeName = /^[0-9a-f-]{36}-\d+$/
