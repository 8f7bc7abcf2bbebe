import { AppError } from '#base/errors.ts'
import { movedTo } from './dialect-text.ts'
import type { KeptStatement, StatementOf } from '../query.ts'
import { requirePreparedRoom } from '../prepared-room.ts'

type Prepared = StatementOf<'prepare'>

/** Statements kept by PREPARE. Names are the same without case. */
export interface PreparedStatements {
  get(name: string): KeptStatement | undefined
  /** @throws AppError 'query.statement_exists', 'query.limit' */
  add(statement: Prepared): void
  /** Whether there was one. */
  remove(name: string): boolean
  clear(): void
}

interface OwnPrepared extends PreparedStatements {
  get(name: string): Prepared | undefined
}

const preparedMax = 1_000

/** @param lengthOf how long the text of a statement is */
export function preparedStatements(lengthOf: (statement: Prepared) => number): OwnPrepared {
  const statements = new Map<string, Prepared>()
  return {
    get: (name) => statements.get(name.toLowerCase()),
    add: (statement) => {
      const { name } = statement
      const key = name.toLowerCase()
      if (statements.has(key)) {
        throw new AppError(
          'query.statement_exists',
          `There is a prepared statement ${JSON.stringify(name)} already.`,
          { hint: 'Send DEALLOCATE first, or choose another name.' },
        )
      }
      if (statements.size >= preparedMax) {
        throw new AppError('query.limit', `A session has at most ${preparedMax} prepared statements.`)
      }
      const characters = Iterator.from(statements.values()).reduce((sum, one) => sum + lengthOf(one), 0)
      requirePreparedRoom(characters + lengthOf(statement))
      statements.set(key, statement)
    },
    remove: (name) => statements.delete(name.toLowerCase()),
    clear: () => statements.clear(),
  }
}

/** Statements prepared may execute others; chains of them end somewhere, as one may come round to itself. */
const nestedMax = 10

/** @throws AppError 'query.limit' */
export function refuseNested(depth: number): void {
  if (depth >= nestedMax) throw new AppError('query.limit', 'Prepared statements nest too deep.')
}

/** A failure of what was prepared: its place is in the text of the PREPARE, which is not the one that was sent now. */
export function inPrepared(error: unknown): unknown {
  return error instanceof AppError && error.position ? movedTo(error, undefined) : error
}

export function unknownPrepared(name: string): AppError {
  return new AppError('query.unknown_statement', `There is no prepared statement ${JSON.stringify(name)}.`)
}
