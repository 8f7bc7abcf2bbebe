import { setImmediate } from 'node:timers/promises'
import type { AppError } from '#base/errors.ts'
import { ingestCodes, invalidFile } from './ingest-failure.ts'
import type { Texts } from './record-readers.ts'
import { contentOf, isTooDeep, Malformed, type RecordScanner, tooDeep, Unreadable } from './records.ts'
import { readPlain, type SourceFile, utf8Text } from './source-text.ts'
import { Misfit } from './value-readers.ts'

/** A piece of a file may hold a hundred thousand of a letter each, and others wait meanwhile. */
const recordsAtOnce = 5_000

/** Reads a file record by record: each is added, or refused with its row. @throws AppError 'ingest.invalid' */
export async function readRecords<T>(
  file: SourceFile,
  options: {
    readonly scanner: RecordScanner<T>
    readonly read: (content: T) => Texts | Misfit
    readonly add: (texts: Texts, row: number, raw: string) => boolean
    /** Called between pieces of the file: what was added may go to the disk. */
    readonly flush: () => Promise<void>
    readonly refuse: (row: number, code: string, reason: string, record: string) => void
    readonly signal: AbortSignal
    readonly rowCountMax: number
  },
): Promise<void> {
  const { scanner, read, add, flush, refuse, signal, rowCountMax } = options
  let rowCount = 0
  const take = async (records: ReturnType<RecordScanner<T>['push']>): Promise<void> => {
    for (const record of records) {
      const { row, raw } = record
      // Thrown: that alone ends a file that is being unpacked without a failure of its own.
      if (rowCount++ === rowCountMax) throw enough
      if (rowCount % recordsAtOnce === 0) {
        await flush()
        await setImmediate()
      }
      const content = contentOf(record)
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
      await take(scanner.push(text))
      await flush()
    }
    await take(scanner.end())
  }).catch((error: unknown) => {
    if (error === enough) return
    throw error instanceof Unreadable ? unreadable(file, error) : error
  })
}

const enough = new Error('All rows that were asked for have been read.')

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
