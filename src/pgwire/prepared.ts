import { AppError } from '#base/errors.ts'
import type {
  Description,
  GivenParameters,
  Literal,
  SessionStatement,
  StatementResult,
} from '#query/query.ts'
import type { ResultRows } from '#query/results.ts'

/** A statement a client parsed; undefined statement: an empty text. */
export interface Prepared {
  /** Undefined: SQL prepared it, in another text than its messages belong to. */
  readonly sql: string | undefined
  readonly statement: SessionStatement | undefined
  /** What the client called the types of parameters, 0 for those it left open. */
  readonly declaredOids: readonly number[]
  readonly description: Description
}

/** A bound statement. `open` once the first rows were asked for. */
export interface Portal {
  readonly prepared: Prepared
  readonly parameters: readonly Literal[]
  /** Of a question to the catalogue, which takes them as they came. */
  readonly given?: GivenParameters
  /** Undefined: all text. One: for all columns. Else one a column. */
  readonly resultFormats: readonly number[]
  readonly stopping: AbortController
  /** That it was stopped, or that the client is gone. */
  readonly stopped: AbortSignal
  progress: PortalProgress
}

export type PortalProgress =
  | { readonly kind: 'bound' }
  | {
      readonly kind: 'open'
      readonly results: AsyncGenerator<StatementResult, void, undefined>
      readonly rows: ResultRows
    }
  | { readonly kind: 'done' }

/**
 * @throws AppError 'connection.protocol' when there are neither none, one, nor as many as columns, 'request.invalid'
 *   when one is neither text (0) nor binary (1)
 */
export function formatsFor(columnCount: number, formats: readonly number[]): (0 | 1)[] {
  const unknown = formats.find((format) => format !== 0 && format !== 1)
  if (unknown !== undefined) {
    throw new AppError('request.invalid', `A format is 0 (text) or 1 (binary), not ${unknown}.`)
  }
  if (formats.length > 1 && formats.length !== columnCount) {
    throw new AppError(
      'connection.protocol',
      `A format for each of the ${columnCount} columns was expected, ${formats.length} came.`,
    )
  }
  const shared = formats.length === 1 ? formats[0] : undefined
  return Array.from({ length: columnCount }, (_, index) => ((shared ?? formats[index]) === 1 ? 1 : 0))
}

export async function closePortal(portal: Portal): Promise<void> {
  const { progress } = portal
  portal.progress = { kind: 'done' }
  if (progress.kind !== 'open') return
  portal.stopping.abort(new AppError('query.cancelled', 'The portal was closed.'))
  await progress.rows[Symbol.asyncDispose]()
  await progress.results.return()
}
