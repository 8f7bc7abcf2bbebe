import { shortened } from '#base/shown-text.ts'
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '#engine/engine.ts'
import { type StructType, structType } from '#types/data-type.ts'
import { csvScanner } from './csv-records.ts'
import { ingestCodes, invalidFile } from './ingest-failure.ts'
import type { FileToInfer } from './ingest.ts'
import { jsonScanner } from './json-records.ts'
import { describeParquet } from './prepare-parquet.ts'
import { unreadable } from './read-records.ts'
import { contentOf, isTooDeep, Malformed, type RecordScanner, tooDeep, Unreadable } from './records.ts'
import { SeenValues } from './seen-values.ts'
import { plainFile, readPlain, utf8Text } from './source-text.ts'
import { storeDurably } from './staging.ts'

/** @throws AppError 'ingest.invalid' naming the file and what is wrong */
export async function inferSchema(
  file: FileToInfer,
  { engine, folder }: { readonly engine: Engine; readonly folder: string },
): Promise<StructType> {
  const { fileName, format, signal } = file
  const work = join(folder, `infer-${randomUUID()}`)
  const path = join(work, 'file')
  try {
    const { bytes } = await storeDurably({ folder: work, path }, file.bytes, signal)
    if (bytes === 0) throw invalidFile(fileName, 'is empty', { code: ingestCodes.emptyFile })
    if (format === 'parquet') {
      const plain = await plainFile({ path, fileName }, { workFolder: work, signal })
      return structType(await describeParquet(plain, { engine, signal }))
    }
    const seen = new SeenValues()
    await (format === 'json'
      ? look(path, signal, jsonScanner(), (record) => seen.add(record))
      : lookAtCsv(path, signal, seen))
    return seen.columns()
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof Unreadable ? unreadable(file, error) : error
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function lookAtCsv(path: string, signal: AbortSignal, seen: SeenValues): Promise<void> {
  let names: readonly string[] = []
  const scanner = csvScanner((header) => {
    names = header
    for (const name of header) seen.addField(name)
  })
  await look(path, signal, scanner, (fields) => {
    for (const [index, field] of fields.entries()) {
      const name = names[index]
      if (name !== undefined && field !== null) seen.addText(name, field)
    }
  })
}

/** The columns are guessed from records that can be read; a file of others has none. */
async function look<T>(
  path: string,
  signal: AbortSignal,
  scanner: RecordScanner<T>,
  see: (content: T) => void,
): Promise<void> {
  const take = (records: ReturnType<RecordScanner<T>['push']>): void => {
    for (const record of records) {
      const { row, raw } = record
      const content = contentOf(record)
      if (content instanceof Malformed) {
        throw new Unreadable(
          `has a record that cannot be read: row ${row}, ${content.reason}: ${shortened(raw, 100).toWellFormed()}`,
        )
      }
      try {
        see(content)
      } catch (error) {
        throw isTooDeep(error)
          ? new Unreadable(`has a record that cannot be read: row ${row}, ${tooDeep}`)
          : error
      }
    }
  }
  await readPlain(path, signal, async (pieces) => {
    for await (const text of utf8Text(pieces)) take(scanner.push(text))
    take(scanner.end())
  })
}
