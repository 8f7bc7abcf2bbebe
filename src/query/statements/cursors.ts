import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { ParsedQuery } from '#sql/compile.ts'
import type { Field } from '#types/data-type.ts'
import { seesTable } from '../names/sees-table.ts'
import { openRows } from '../rows/engine-rows.ts'
import { type PlannedQuery, planQuery } from '../rows/plan-query.ts'
import type { StatementResult } from '../query.ts'
import type { ResultRows } from '../results.ts'
import { uncapped } from '../row-cap.ts'
import type { Scope } from '../scope.ts'
import { staticResult } from '../static-rows.ts'
import { pullAll } from '../rows/pull-all.ts'
import { unlessRemoved } from '../rows/unless-removed.ts'

/**
 * Cursors of one session. A cursor reads the snapshots of the moment it was declared, or where these were removed before its
 * first rows those of that moment; forward only.
 */
export interface Cursors extends AsyncDisposable {
  /** @throws AppError 'query.cursor_exists', 'query.limit' and those of the front end */
  declare(scope: Scope, cursor: DeclaredCursor): Promise<void>
  has(name: string): boolean
  all(): readonly { readonly name: string; readonly isHeld: boolean }[]
  /** @throws AppError 'query.unknown_cursor' */
  columns(name: string): readonly Field[]
  /**
   * The next rows. Pull them to the end, or the rest is lost to the next FETCH.
   * @throws AppError 'access.denied', 'query.unsupported' when what it reads is not open to the caller any more
   */
  fetch(scope: Scope, request: FetchRequest): Promise<StatementResult>
  /** @throws AppError 'query.unknown_cursor' */
  close(name: string | 'all'): Promise<void>
  beginTransaction(): void
  /** Closes those that do not outlive it: held ones do when it is committed, or was over when they were declared. */
  endTransaction(action: 'commit' | 'rollback'): Promise<void>
}

export interface DeclaredCursor {
  readonly name: string
  readonly query: ParsedQuery
  readonly isHeld: boolean
}

export interface FetchRequest {
  readonly name: string
  readonly count: number | 'all'
  readonly isMove: boolean
  readonly encoding: (columns: readonly Field[]) => Encoding
}

interface Cursor {
  readonly name: string
  readonly isHeld: boolean
  /** No transaction ends it any more. */
  isKept: boolean
  readonly query: ParsedQuery
  planned: PlannedQuery
  /** Ends what the engine does for it. */
  readonly stop: AbortController
  open: { readonly rows: ResultRows; readonly encoding: Encoding } | undefined
  isDone: boolean
}

const cursorsMax = 20

export function newCursors(): Cursors {
  const cursors = new Map<string, Cursor>()
  let isInTransaction = false
  const named = (name: string): Cursor => {
    const cursor = cursors.get(name.toLowerCase())
    if (cursor) return cursor
    throw new AppError('query.unknown_cursor', `There is no cursor ${JSON.stringify(name)}.`)
  }
  const close = async (key: string, cursor: Cursor): Promise<void> => {
    cursors.delete(key)
    cursor.stop.abort(new AppError('query.cancelled', 'The cursor was closed.'))
    await cursor.open?.rows[Symbol.asyncDispose]()
  }
  const closeAll = async (): Promise<void> => {
    for (const [key, cursor] of cursors) await close(key, cursor)
  }
  return {
    async declare(scope, { name, query, isHeld }) {
      const key = name.toLowerCase()
      if (cursors.has(key)) {
        throw cursorExists(name)
      }
      if (cursors.size >= cursorsMax) {
        throw new AppError('query.limit', `A session has at most ${cursorsMax} cursors.`)
      }
      // Its rows have no cap that LIMIT 0 would lift.
      const whole = uncapped(scope, query)
      const planned = await planQuery(scope, whole, await scope.journal.pins(scope.step))
      cursors.set(key, {
        name,
        query: whole,
        isHeld,
        isKept: isHeld && !isInTransaction,
        planned,
        stop: new AbortController(),
        open: undefined,
        isDone: false,
      })
    },
    has: (name) => cursors.has(name.toLowerCase()),
    all: () => Array.from(cursors.values(), ({ name, isHeld }) => ({ name, isHeld })),
    columns: (name) => named(name).planned.columns,
    async fetch(scope, { name, count, isMove, encoding }) {
      const cursor = named(name)
      const { columns, datasetIds } = cursor.planned
      await requireSight(scope, cursor.planned)
      scope.onRead?.(datasetIds)
      if (cursor.isDone || count === 0) return staticResult(columns, [], encoding)
      cursor.open ??= await stopping(scope, cursor, () => begun(scope, cursor, encoding(columns)))
      if (!isMove && JSON.stringify(cursor.open.encoding) !== JSON.stringify(encoding(columns))) {
        throw new AppError(
          'query.unsupported',
          'A cursor gives all its rows in the format of its first FETCH.',
        )
      }
      const left = count === 'all' ? Number.POSITIVE_INFINITY : count
      return { kind: 'rows', columns, rows: part(scope, { cursor, rows: cursor.open.rows, left }) }
    },
    async close(name) {
      if (name === 'all') return await closeAll()
      const cursor = named(name)
      await close(name.toLowerCase(), cursor)
    },
    beginTransaction: () => void (isInTransaction = true),
    async endTransaction(action) {
      isInTransaction = false
      for (const [key, cursor] of cursors) {
        if (action === 'commit') cursor.isKept = cursor.isHeld
        if (!cursor.isKept) await close(key, cursor)
      }
    },
    [Symbol.asyncDispose]: closeAll,
  }
}

/** A cursor lives longer than the rights it was declared with may; temporary tables are its session's own. */
async function requireSight(
  { services, caller, temporaries }: Scope,
  { scans }: Pick<PlannedQuery, 'scans'>,
): Promise<void> {
  for (const { tableName, datasetId } of scans) {
    if (temporaries.has({ id: datasetId })) continue
    if (await seesTable(services.access, caller, datasetId)) continue
    throw new AppError('access.denied', `permission denied for table ${tableName}`, {
      hint: 'It takes the permission view-datasets.',
    })
  }
}

/** The engine works for the cursor as long as that lives, not as long as the statement that began it. */
async function begun(scope: Scope, cursor: Cursor, encoding: Encoding): Promise<NonNullable<Cursor['open']>> {
  const { columns } = cursor.planned
  let isAgain = false
  return await unlessRemoved(scope, async () => {
    if (isAgain) {
      cursor.planned = await planQuery(scope, cursor.query, await scope.journal.pins(scope.step))
      if (JSON.stringify(cursor.planned.columns) !== JSON.stringify(columns)) throw otherColumns(cursor)
    }
    isAgain = true
    const running = { ...scope, signal: cursor.stop.signal }
    return { rows: await openRows(running, cursor.planned, { encoding, cap: undefined }), encoding }
  })
}

function otherColumns({ name }: Cursor): AppError {
  return new AppError('query.ended', `What the cursor ${JSON.stringify(name)} reads is not there any more.`, {
    hint: 'CLOSE and declare it again: it has other columns now.',
  })
}

/** While a FETCH waits for the cursor, what stops the one stops the other. */
async function stopping<T>({ signal }: Scope, cursor: Cursor, work: () => Promise<T>): Promise<T> {
  const stop = (): void => cursor.stop.abort(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop)
  try {
    return await work()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function part(
  scope: Scope,
  { cursor, rows, left }: { readonly cursor: Cursor; readonly rows: ResultRows; readonly left: number },
): ResultRows {
  let remaining = left
  return {
    async pull({ rowCountMax, bytesMax }) {
      const limit = { rowCountMax: Math.min(rowCountMax, remaining), bytesMax }
      const chunk = await stopping(scope, cursor, () => rows.pull(limit))
      remaining -= chunk.rowCount
      cursor.isDone = chunk.state === 'done'
      return remaining > 0 ? chunk : { ...chunk, state: 'done' }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

/** What MOVE says: how many rows of the cursor were passed over. */
export async function moved(fetched: StatementResult): Promise<StatementResult> {
  let rowCount = 0
  if (fetched.kind === 'rows') {
    await using rows = fetched.rows
    rowCount = await pullAll(rows)
  }
  return { kind: 'command', tag: `MOVE ${rowCount}`, rowCount: undefined }
}

export function cursorExists(name: string): AppError {
  return new AppError('query.cursor_exists', `There is a cursor ${JSON.stringify(name)} already.`, {
    hint: 'CLOSE it first, or choose another name.',
  })
}
