import { AppError } from '../../src/base/errors.ts'
import { createEncoder } from '../../src/encode/encoder.ts'
import type { Value } from '../../src/encode/value.ts'
import type {
  Description,
  ExecuteOptions,
  Literal,
  QueryService,
  QuerySession,
  SessionOptions,
  Statement,
  StatementResult,
} from '../../src/query/query.ts'
import type { ResultRows } from '../../src/query/results.ts'
import { integerType, stringType, type DataType, type Field } from '../../src/types/data-type.ts'

/**
 * A query service for tests of protocols, which understands only this:
 * `rows N [BYTES]` (N rows `n`, `text`), `echo $1 …` (one row of the parameters), `fail`, `wait` (until it is aborted),
 * `block N M` (two results), `set NAME VALUE`, `begin|commit|rollback`, `insert`, `deallocate NAME`, `discard [temp]`.
 */
export interface ScriptedQuery extends QueryService {
  readonly counts: {
    rowsMade: number
    pulls: number
    opened: number
    disposed: number
    aborted: number
    sessions: number
  }
  readonly sessions: SessionOptions[]
  readonly parameters: Literal[]
  /** Types that `echo` says its parameters have. */
  echoTypes: DataType[]
}

const rowFields: readonly Field[] = [
  { name: 'n', type: integerType },
  { name: 'text', type: stringType },
]

export function scriptedQuery(): ScriptedQuery {
  const notThere = async (): Promise<never> => {
    throw new AppError('query.unsupported', 'Not here.')
  }
  const nothing: unknown = new Proxy({}, { get: () => notThere })
  const service: ScriptedQuery = {
    counts: { rowsMade: 0, pulls: 0, opened: 0, disposed: 0, aborted: 0, sessions: 0 },
    sessions: [],
    parameters: [],
    echoTypes: [],
    removeLeftTables: async () => 0,
    openSession: async (options) => {
      service.sessions.push(options)
      service.counts.sessions += 1
      return scriptedSession(service, options)
    },
    scratch: { list: notThere, get: notThere, open: notThere, remove: notThere, sweep: async () => 0 },
    failLeftQueries: async () => 0,
    start: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    textOf: notThere,
    queries: nothing as QueryService['queries'],
    schedules: nothing as QueryService['schedules'],
    templates: nothing as QueryService['templates'],
    alerts: nothing as QueryService['alerts'],
    results: nothing as QueryService['results'],
    writers: nothing as QueryService['writers'],
  }
  return service
}

interface Script {
  readonly words: readonly string[]
  readonly offset: number
}

function scriptedSession(service: ScriptedQuery, options: SessionOptions): QuerySession {
  const properties = new Map([
    ['server_version', '16.14'],
    ['client_encoding', 'UTF8'],
    ['datestyle', 'ISO, MDY'],
    ['standard_conforming_strings', 'on'],
    ['integer_datetimes', 'on'],
    ...(options.properties ?? []),
  ])
  return {
    properties,
    parse: async (text) => parse(text),
    describe: async (statement): Promise<Description> => describe(service, scriptOf(statement)),
    // Its texts ask no catalogue.
    describeQuestion: async () => ({ parameterTypes: [], parameterOids: [], columns: [] }),
    cursorColumns: async () => undefined,
    preparedBySql: () => undefined,
    alsoPrepared: () => {},
    forgetPrepared: () => false,
    execute: (statement, executeOptions) =>
      execute(service, statement as Statement, { ...executeOptions, properties, onNotice: options.onNotice }),
    [Symbol.asyncDispose]: async () => {
      service.counts.sessions -= 1
    },
  }
}

function parse(text: string): Statement[] {
  let offset = 0
  return text.split(';').flatMap((part): Statement[] => {
    const start = offset + (part.length - part.trimStart().length)
    offset += part.length + 1
    const words = part.trim().split(/\s+/)
    const [first = '', second = ''] = words
    const position = { offset: start, line: 1, column: start + 1 }
    if (first === '') return []
    if (first === 'begin') {
      const modes = { isolation: undefined, isReadOnly: undefined }
      return [{ kind: 'transaction', action: first, words: 'BEGIN', ...modes }]
    }
    if (first === 'commit' || first === 'rollback') {
      return [{ kind: 'transaction', action: first, isChained: false }]
    }
    if (first === 'deallocate') return [{ kind: 'deallocate', name: second }]
    if (first === 'discard') return [{ kind: 'discard', what: second === 'temp' ? 'temp' : 'all' }]
    if (first === 'syntax') throw new AppError('query.syntax', 'No statement begins so.', { position })
    const script: Script = { words, offset: start }
    return [
      { kind: 'query', query: { tree: script, tables: [], variables: [], parameterCount: 0, position } },
    ]
  })
}

function scriptOf(statement: Statement): Script {
  return statement.kind === 'query'
    ? (statement.query.tree as Script)
    : { words: [statement.kind === 'transaction' ? statement.action : statement.kind], offset: 0 }
}

function describe(service: ScriptedQuery, { words }: Script): Description {
  const [verb] = words
  if (verb === 'rows') return { parameterTypes: [], columns: rowFields }
  if (verb === 'echo') {
    const types = words.slice(1).map((_, index) => service.echoTypes[index] ?? stringType)
    return {
      parameterTypes: types,
      columns: types.map((_, index) => ({ name: `c${index}`, type: stringType })),
    }
  }
  return { parameterTypes: [], columns: undefined }
}

async function* execute(
  service: ScriptedQuery,
  statement: Statement,
  options: ExecuteOptions & {
    readonly properties: Map<string, string>
    readonly onNotice: SessionOptions['onNotice']
  },
): AsyncGenerator<StatementResult, void, undefined> {
  const { words, offset } = scriptOf(statement)
  const [verb = '', first = '', second = ''] = words
  const { signal } = options
  const command = (tag: string): StatementResult => ({ kind: 'command', tag, rowCount: undefined })
  switch (verb) {
    case 'rows':
      yield rowsResult(service, options, Number(first), Number(second || 1))
      break
    case 'block':
      yield rowsResult(service, options, Number(first), 1)
      yield rowsResult(service, options, Number(second), 1)
      yield command('DO')
      break
    case 'echo': {
      service.parameters.splice(0, service.parameters.length, ...options.parameters)
      const { columns = [] } = describe(service, { words, offset })
      const values = options.parameters.map(({ value }) => (value === null ? null : String(value)))
      yield { kind: 'rows', columns, rows: arrayRows(columns, [values], options) }
      break
    }
    case 'fail':
      throw new AppError('query.unknown_table', 'There is no such table.', {
        position: { offset: offset + 5, line: 1, column: offset + 6 },
        hint: 'Name another.',
      })
    case 'crash':
      throw new Error('secret path /var/lib/secret')
    case 'notice':
      options.onNotice?.(first)
      yield command('NOTICE')
      break
    case 'wait':
      await new Promise<void>((_resolve, reject) => {
        const stop = (): void => {
          service.counts.aborted += 1
          reject(signal.reason instanceof AppError ? signal.reason : new AppError('query.cancelled', 'Gone.'))
        }
        service.counts.opened += 1
        if (signal.aborted) stop()
        else signal.addEventListener('abort', stop, { once: true })
      })
      break
    case 'set':
      options.properties.set(first.toLowerCase(), second)
      yield command('SET')
      break
    case 'insert':
      yield command('INSERT 0 3')
      break
    default:
      yield command(verb.toUpperCase())
  }
}

function rowsResult(
  service: ScriptedQuery,
  options: ExecuteOptions,
  rowCount: number,
  textBytes: number,
): StatementResult {
  const { counts } = service
  const encoder = createEncoder(options.encoding(rowFields), rowFields)
  const text = 'x'.repeat(textBytes)
  let made = 0
  counts.opened += 1
  const rows: ResultRows = {
    pull: async ({ rowCountMax, bytesMax }) => {
      if (options.signal.aborted) {
        counts.aborted += 1
        throw new AppError('query.cancelled', 'Gone.')
      }
      counts.pulls += 1
      const from = made
      while (made < rowCount && made - from < rowCountMax && encoder.byteCount < bytesMax) {
        const n = made
        encoder.add({ rowCount: 1, value: (column): Value => (column === 0 ? n : text) })
        made += 1
      }
      counts.rowsMade += made - from
      return { bytes: encoder.take(), rowCount: made - from, state: made < rowCount ? 'more' : 'done' }
    },
    [Symbol.asyncDispose]: async () => {
      counts.disposed += 1
    },
  }
  return { kind: 'rows', columns: rowFields, rows }
}

function arrayRows(
  columns: readonly Field[],
  values: readonly Value[][],
  options: ExecuteOptions,
): ResultRows {
  const encoder = createEncoder(options.encoding(columns), columns)
  return {
    pull: async () => {
      encoder.add({ rowCount: values.length, value: (column, row) => values[row]?.[column] ?? null })
      return { bytes: encoder.finish(), rowCount: values.length, state: 'done' }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
