import { rm, stat } from 'node:fs/promises'
import { must } from '#base/assert.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { shortened } from '#base/shown-text.ts'
import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import { type Field, integerType, longType, stringType } from '#types/data-type.ts'
import { type Check, judgeRows, schemaChecks, verdictSql } from './checks.ts'
import { csvScanner } from './csv-records.ts'
import { jsonScanner } from './json-records.ts'
import { csvForm, jsonForm, type PlainForm } from './plain/plain-form.ts'
import { countPlain, headOf } from './plain/plain-file.ts'
import { PlainSources } from './plain/plain-sources.ts'
import { PreparedFile, preparedSql } from './prepared-file.ts'
import { readRecords } from './read-records.ts'
import { csvReader, objectReader, type Texts } from './record-readers.ts'
import type { RejectLog } from './rejects.ts'
import type { SourceFile } from './source-text.ts'
import type { TableSchema } from './table-schema.ts'

/** What a load appends. */
export interface PreparedSource {
  readonly sql: string
  readonly files: readonly string[]
  /** Of the rows that are loaded. */
  readonly rowCount: number
  /** The engine reads records that our readers have not looked at. Should it fail, they are to judge. */
  readonly isTrusting?: boolean
}

export interface TextOptions {
  readonly format: 'json' | 'csv'
  readonly isMultiLineJson: boolean
  /** Texts may hold U+0000. */
  readonly takesNul?: boolean
  readonly table: TableSchema
  /** Files that begin with it are made. */
  readonly path: string
  readonly rejects: RejectLog
  readonly engine: Engine
  readonly signal: AbortSignal
  /** Of each file no more rows than these are looked at. */
  readonly rowCountMax?: number
  /** Our readers look at each record. */
  readonly isJudged?: boolean
  /** They do of smaller files, of which making a pattern takes longer. */
  readonly plainBytesMin?: number
}

/** Of a record that the engine judges: it stands in its line beside the row. */
const judgedLengthMax = 1024 * 1024
const plainBytesMinDefault = 128 * 1024

/**
 * Finds the good rows of JSON or CSV files. Records that are plain are left to the engine, in their file when it has no
 * others; the rest is read record by record and checked against the table, the good ones written to one file that the
 * engine reads without a rule of its own; the others go to the log.
 * @throws AppError 'ingest.invalid' for a file that cannot be read at all, 'store.full'
 */
export async function prepareText(
  files: readonly SourceFile[],
  options: TextOptions,
): Promise<PreparedSource> {
  const { rowCountMax = Infinity, isMultiLineJson, isJudged = false, rejects, path } = options
  if (!isJudged && !isMultiLineJson && rowCountMax === Infinity) {
    const plain = new PlainSources(`${path}-plain`)
    try {
      const prepared = await prepare(files, { ...options, plain })
      if (prepared) return prepared
    } finally {
      await plain[Symbol.asyncDispose]()
    }
    // Plain records that a constraint refuses: where they are, our readers know.
    await rejects.forget()
    await rm(path)
  }
  return must(await prepare(files, options), 'our readers look at all records')
}

/** Undefined: among the plain records are such that are refused. */
async function prepare(
  files: readonly SourceFile[],
  options: TextOptions & { readonly plain?: PlainSources },
): Promise<PreparedSource | undefined> {
  const { table, takesNul, path, rejects, engine, signal, plain } = options
  const { fields } = table.columns
  const sqlOf = (name: string): string => `source.${quoteIdentifier(name)}`
  const checks = schemaChecks(table, sqlOf)
  // Rows say where they are from when the engine is to look at them.
  const written = checks.length > 0 ? [...fields, ...placeFields] : fields
  const prepared = await PreparedFile.create(path, written, takesNul)
  try {
    for (const [index, file] of files.entries()) {
      await readFile(file, { ...options, index, prepared, hasChecks: checks.length > 0 })
    }
    await prepared.flush(true)
    await plain?.flush()
  } finally {
    await prepared[Symbol.asyncDispose]()
  }
  const trusted = plain?.source()
  if (trusted && checks.length > 0) {
    if ((await refusedCount(trusted, { checks, engine, signal })) > 0) return undefined
  }
  if (trusted && prepared.rowCount === 0) return { ...trusted, isTrusting: true }
  const judged = await judgedRows({ prepared, written, checks, files, table, rejects, engine, signal })
  if (!trusted) return judged
  return {
    sql: `${trusted.sql}\nUNION ALL\n${judged.sql}`,
    files: [...trusted.files, ...judged.files],
    rowCount: trusted.rowCount + judged.rowCount,
    isTrusting: true,
  }
}

interface FileOptions extends TextOptions {
  readonly plain?: PlainSources
  readonly index: number
  readonly prepared: PreparedFile
  readonly hasChecks: boolean
}

async function readFile(file: SourceFile, options: FileOptions): Promise<void> {
  const { format, isMultiLineJson, table, takesNul, rejects, signal } = options
  const { plain, index, prepared, hasChecks } = options
  const found = plain && (await formOf(file, options))
  const form = found && plain.takes(found) ? found : undefined
  const count = form && (await countPlain(file, form, signal))
  if (plain && form && count !== undefined) return plain.addFile(form, { path: file.path, rowCount: count })
  const sieve = plain && form && (await plain.sieve(form))
  const common = {
    add: (texts: Texts, row: number, raw: string): boolean => {
      if (!hasChecks) return prepared.add(texts)
      const record = shortened(raw, judgedLengthMax).toWellFormed().replaceAll('\0', '')
      return prepared.add([...texts, String(index + 1), String(row), record])
    },
    refuse: (row: number, code: string, reason: string, record: string): void => {
      rejects.add({ fileName: file.fileName, row, code, reason, record })
    },
    flush: async () => {
      await prepared.flush()
      await plain?.flush()
      await rejects.flush()
    },
    signal,
    rowCountMax: options.rowCountMax ?? Infinity,
  }
  if (format === 'json') {
    const scanner = jsonScanner({ isMultiLine: isMultiLineJson, sieve })
    await readRecords(file, { ...common, scanner, read: objectReader(table, takesNul) })
  } else {
    const columns = csvReader(table, takesNul)
    await readRecords(file, {
      ...common,
      scanner: csvScanner(columns.setHeader, sieve),
      read: columns.read,
    })
  }
}

async function formOf(
  { path }: SourceFile,
  { format, table, signal, plainBytesMin = plainBytesMinDefault }: TextOptions,
): Promise<PlainForm | undefined> {
  if ((await stat(path)).size < plainBytesMin) return undefined
  const head = await headOf(path, signal)
  return format === 'json' ? jsonForm(head, table) : csvForm(head, table)
}

async function refusedCount(
  { sql, files }: PreparedSource,
  options: { readonly checks: readonly Check[]; readonly engine: Engine; readonly signal: AbortSignal },
): Promise<number> {
  const { checks, engine, signal } = options
  const statement = {
    sql: `SELECT count(*) AS n FROM (${sql}) AS source WHERE ${verdictSql(checks)} <> -1`,
    files,
    pool: 'batch' as const,
  }
  const columns = [{ name: 'n', type: longType }]
  const [row] = await smallResult(engine, statement, { columns, signal })
  return Number(row?.[0])
}

/** Of the rows that our readers wrote those that the constraints let through. */
async function judgedRows({
  prepared,
  written,
  checks,
  files,
  table: { columns },
  rejects,
  engine,
  signal,
}: Pick<TextOptions, 'table' | 'rejects' | 'engine' | 'signal'> & {
  readonly prepared: PreparedFile
  readonly written: readonly Field[]
  readonly checks: readonly Check[]
  readonly files: readonly SourceFile[]
}): Promise<PreparedSource> {
  const all = preparedSql(prepared, written)
  if (checks.length === 0) return { sql: all, files: [prepared.path], rowCount: prepared.rowCount }
  const from = `FROM (${all}) AS source`
  const [file, row, record] = placeFields.map(({ name }) => quoteIdentifier(name))
  const rowCount = await judgeRows(
    {
      from,
      places: { from, file: `${file}`, row: `${row}`, record: `${record}` },
      fileNames: files.map(({ fileName }) => fileName),
      paths: [prepared.path],
    },
    { checks, rejects, engine, signal },
  )
  const names = columns.fields.map(({ name }) => quoteIdentifier(name)).join(', ')
  return {
    sql: `SELECT ${names} ${from} WHERE ${verdictSql(checks)} = -1`,
    files: [prepared.path],
    rowCount,
  }
}

/** No table has columns of such names. */
const placeFields: readonly Field[] = [
  { name: '_acp_file', type: integerType },
  { name: '_acp_row', type: longType },
  { name: '_acp_record', type: stringType },
]
