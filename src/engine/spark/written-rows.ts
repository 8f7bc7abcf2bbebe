import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
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

/** Makes the folder that all writes are in, and removes those of earlier lives. */
export async function openRowsFolder(folder: string, life: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await removeWrites(folder, (name) => !name.startsWith(life))
}

/** Removes what lives of this server wrote; other things that are there are left alone. */
export async function removeWrites(folder: string, isOld: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((name) => writeName.test(name) && isOld(name))) {
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

const writeName = /^[0-9a-f-]{36}-\d+$/
