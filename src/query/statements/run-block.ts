import { type AppError, toAppError } from '#base/errors.ts'
import { holdRows } from '../rows/held-rows.ts'
import type { Statement } from '../query.ts'
import { type Results, runStatement, type StatementHost } from './run-statement.ts'
import { evaluateScalar } from '../rows/scalar.ts'
import type { Scope } from '../scope.ts'
import { Variables } from '../variables.ts'

type StatementOf<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>

/** Gives a variable its value: what an earlier attempt of this run gave it, or what its query says now. */
export async function setVariable(scope: Scope, { name, value }: StatementOf<'setVariable'>): Promise<void> {
  const { journal, step, variables } = scope
  const recorded = journal.variable(step)
  if (recorded) return variables.set(name, recorded)
  const literal = await evaluateScalar(scope, value)
  await journal.recordVariable(step, literal)
  variables.set(name, literal)
}

/**
 * Statements in order, each after the former has ended. One that fails ends the body; the handler, if there is one, runs
 * instead and the block succeeds. Nothing that was written is undone.
 */
export async function* runBlock(
  scope: Scope,
  { body, handler }: StatementOf<'block'>,
  host: StatementHost,
): Results {
  const { journal, step } = scope
  const inner = { ...scope, variables: new Variables(scope.variables) }
  const steps = runSteps(inner, body, { host, prefix: step })
  if (!handler) return yield* steps
  const holds = (error: unknown): boolean => isForHandler(toAppError(error), scope.signal)
  try {
    for await (const result of steps) {
      if (result.kind !== 'rows') continue
      // Rows fail where they are pulled, which is not in here.
      const held = await holdRows(result.rows, holds)
      yield { ...result, rows: held.rows }
      const failure = held.failure()
      if (failure) throw failure
    }
  } catch (error) {
    if (!holds(error)) throw error
    await journal.recordFailure(step, toAppError(error))
    yield* runSteps(inner, handler, { host, prefix: `${step}.h` })
  }
}

/** A failure of the machinery is no exception of the block: the statement did not do anything wrong. */
function isForHandler(failure: AppError, signal: AbortSignal): boolean {
  return (
    !signal.aborted &&
    !failure.meaning.retry &&
    failure.code !== 'internal' &&
    !failure.code.startsWith('job.')
  )
}

/** Each statement is a step of the journal. */
export async function* runSteps(
  scope: Scope,
  statements: readonly Statement[],
  { host, prefix }: { readonly host: StatementHost; readonly prefix: string },
): Results {
  for (const [index, statement] of statements.entries()) {
    const step = prefix === '' ? String(index) : `${prefix}.${index}`
    await scope.journal.enter(step)
    for await (const result of runStatement({ ...scope, step }, statement, host)) {
      // The commands of a block are its own business.
      if (result.kind === 'rows') yield result
    }
    await scope.journal.leave()
  }
}

/** The statements of the first branch whose condition holds. A later attempt of a run takes the same one. */
export async function chosenBranch(
  scope: Scope,
  { branches, otherwise }: StatementOf<'if'>,
): Promise<readonly Statement[]> {
  const { journal } = scope
  for (const [index, { condition, body }] of branches.entries()) {
    const step = `${scope.step}.if${index}`
    let literal = journal.variable(step)
    if (!literal) {
      literal = await evaluateScalar({ ...scope, step }, condition)
      await journal.recordVariable(step, literal)
    }
    if (literal.value === true) return body
  }
  return otherwise
}
