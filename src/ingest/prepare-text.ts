import type { AppError } from '#base/errors.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { shortened, shownValue } from '#base/shown-text.ts'
import type { Engine } from '#engine/engine.ts'
import type { Constraints } from '#types/constraints.ts'
import { type Field, integerType, longType, stringType, type StructType } from '#types/data-type.ts'
import { constraintChecks } from '#datasets/row-checks.ts'
import { judgeRows, verdictSql } from './checks.ts'
import { type CsvFields, csvScanner } from './csv-records.ts'
import { ingestCodes, invalidFile } from './ingest-failure.ts'
import { jsonScanner } from './json-records.ts'
import { PreparedFile, preparedSql } from './prepared-file.ts'
import { parseJson } from './raw-json.ts'
import { isTooDeep, Malformed, type RecordScanner, tooDeep, Unreadable } from './records.ts'
import { recordLengthMax, type RejectLog } from './rejects.ts'
import { readPlain, type SourceFile, utf8Text } from './source-text.ts'
import {
  fieldFinder,
  fieldsReader,
  isNested,
  Misfit,
  missing,
  type RequiredPaths,
  valueReader,
} from './value-readers.ts'

export interface TableSchema {
  readonly columns: StructType
  readonly required: RequiredPaths
  readonly constraints: readonly Constraints[]
}

/** What a load appends. */
export interface PreparedSource {
  readonly sql: string
  readonly files: readonly string[]
  /** Of the rows that are loaded. */
  readonly rowCount: number
}

type Texts = (string | null)[]

/**
 * Reads JSON or CSV files record by record, checks each against the table and writes the good ones to one file that the
 * engine reads without a rule of its own; the others go to the log.
 * @throws AppError 'ingest.invalid' for a file that cannot be read at all, 'store.full'
 */
export async function prepareText(
  files: readonly SourceFile[],
  options: {
    readonly format: 'json' | 'csv'
    readonly isMultiLineJson: boolean
    readonly table: TableSchema
    readonly path: string
    readonly rejects: RejectLog
    readonly engine: Engine
    readonly signal: AbortSignal
  },
): Promise<PreparedSource> {
  const { format, table, path, rejects, engine, signal } = options
  const { fields } = table.columns
  const checks = constraintChecks(
    table.constraints,
    table.columns,
    (name) => `source.${quoteIdentifier(name)}`,
  ).map((check) => ({ ...check, code: ingestCodes.corruptRow }))
  // Rows say where they are from when the engine is to look at them.
  const written = checks.length > 0 ? [...fields, ...placeFields] : fields
  const prepared = await PreparedFile.create(path, written)
  try {
    for (const [index, file] of files.entries()) {
      const add = (texts: Texts, row: number, raw: string): boolean => {
        if (checks.length === 0) return prepared.add(texts)
        const record = shortened(raw, recordLengthMax).toWellFormed().replaceAll('\0', '')
        return prepared.add([...texts, String(index + 1), String(row), record])
      }
      const refuse = (row: number, code: string, reason: string, record: string): void => {
        rejects.add({ fileName: file.fileName, row, code, reason, record })
      }
      if (format === 'json') {
        await readRecords(file, {
          scanner: jsonScanner({ isMultiLine: options.isMultiLineJson }),
          read: objectReader(table),
          add,
          prepared,
          refuse,
          signal,
        })
      } else {
        const columns = csvReader(table)
        const scanner = csvScanner(columns.setHeader)
        await readRecords(file, { scanner, read: columns.read, add, prepared, refuse, signal })
      }
    }
    await prepared.flush(true)
  } finally {
    await prepared[Symbol.asyncDispose]()
  }
  const all = preparedSql(prepared, written)
  if (checks.length === 0) return { sql: all, files: [path], rowCount: prepared.rowCount }
  const from = `FROM (${all}) AS source`
  const [file, row, record] = placeFields.map(({ name }) => quoteIdentifier(name))
  const rowCount = await judgeRows(
    {
      from,
      places: { from, file: `${file}`, row: `${row}`, record: `${record}` },
      fileNames: files.map(({ fileName }) => fileName),
      paths: [path],
    },
    { checks, rejects, engine, signal },
  )
  const columns = fields.map(({ name }) => quoteIdentifier(name)).join(', ')
  return { sql: `SELECT ${columns} ${from} WHERE ${verdictSql(checks)} = -1`, files: [path], rowCount }
}

/** No table has columns of such names. */
const placeFields: readonly Field[] = [
  { name: '_acp_file', type: integerType },
  { name: '_acp_row', type: longType },
  { name: '_acp_record', type: stringType },
]

async function readRecords<T>(
  file: SourceFile,
  options: {
    readonly scanner: RecordScanner<T>
    readonly read: (content: T) => Texts | Misfit
    readonly add: (texts: Texts, row: number, raw: string) => boolean
    readonly prepared: PreparedFile
    readonly refuse: (row: number, code: string, reason: string, record: string) => void
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { scanner, read, add, prepared, refuse, signal } = options
  const take = (records: ReturnType<RecordScanner<T>['push']>): void => {
    for (const { row, raw, content } of records) {
      if (content instanceof Malformed) {
        refuse(row, ingestCodes.corruptRow, content.reason, raw)
        continue
      }
      const texts = withinDepth(() => read(content))
      if (texts instanceof Misfit) refuse(row, texts.code, texts.reason, raw)
      else if (!add(texts, row, raw)) {
        refuse(row, ingestCodes.corruptRow, 'it holds a NUL or half a character', raw)
      }
    }
  }
  await readPlain(file.path, signal, async (pieces) => {
    for await (const text of utf8Text(pieces)) {
      take(scanner.push(text))
      await prepared.flush()
    }
    take(scanner.end())
  }).catch((error: unknown) => {
    throw error instanceof Unreadable ? unreadable(file, error) : error
  })
}

/** Values are read and written recursively, and only then is it found out that they go too deep. */
function withinDepth(read: () => Texts | Misfit): Texts | Misfit {
  try {
    return read()
  } catch (error) {
    if (isTooDeep(error)) return new Misfit(tooDeep)
    throw error
  }
}

export function unreadable(file: Pick<SourceFile, 'fileName'>, error: Unreadable): AppError {
  return invalidFile(file.fileName, error.message, {
    cause: error,
    ...(error.code === undefined ? {} : { code: error.code }),
  })
}

function objectReader({ columns, required }: TableSchema): (value: object) => Texts | Misfit {
  return fieldsReader(columns.fields, '', required)
}

/** CSV columns by the names of the header; nested values are JSON. */
function csvReader({ columns: { fields }, required }: TableSchema) {
  const find = fieldFinder(fields)
  const needed = fields.flatMap((field, index) =>
    required.some((path) => path.length === 1 && path[0] === field.name) ? [index] : [],
  )
  const readers = fields.map((field) => {
    const below = required.filter((path) => path.length > 1 && path[0] === field.name)
    const read = valueReader(
      field.type,
      field.name,
      below.map((path) => path.slice(1)),
    )
    if (field.type.kind === 'string') return read
    const isJson = isNested(field.type)
    return (text: string) => {
      // Many writers put quotes around everything.
      if (text === '') return null
      if (!isJson) return read(text)
      const value = parsedJson(text)
      return value === undefined
        ? new Misfit(`the field ${shownValue(field.name)} should hold JSON, ${shownValue(text)} came`)
        : read(value)
    }
  })
  let targets: readonly number[] = []
  const absent = fields.map((): string | null => null)

  return {
    setHeader: (names: readonly string[]): void => {
      targets = names.map((name) => {
        const index = find(name)
        if (index === undefined) {
          const known = shortened(fields.map((field) => field.name).join(', '), 400)
          throw new Unreadable(
            `has a column ${shownValue(name)}, which the dataset does not have (it has ${known})`,
          )
        }
        return index
      })
      const twice = targets.findIndex((target, index) => targets.indexOf(target) !== index)
      if (twice !== -1) throw new Unreadable(`names the column ${shownValue(names[twice] ?? '')} twice`)
    },
    read: (values: CsvFields): Texts | Misfit => {
      const texts = absent.slice()
      for (let index = 0; index < values.length; index += 1) {
        const value = values[index] ?? null
        const target = targets[index]
        if (value === null || target === undefined) continue
        const text = readers[target]?.(value) ?? null
        if (text instanceof Misfit) return text
        texts[target] = text
      }
      for (const index of needed) if (texts[index] === null) return missing(fields[index]?.name ?? '')
      return texts
    },
  }
}

function parsedJson(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined // Told by the caller.
  }
}
