import { must } from '#base/assert.ts'
import { AppError, type TextPosition } from '#base/errors.ts'
import type { BoundExpression, BoundFrom } from './bound.ts'
import { unnestOf } from './generator-select.ts'
import { columnOf } from './outputs.ts'
import { callByName } from './resolve-call.ts'
import type { BindState } from './state.ts'
import { keyOf, someExpression } from './walk.ts'

/**
 * The windows of time that one SELECT names, wherever it does: windows that overlap multiply its rows, and rows without
 * a time are in none.
 */
export interface TimeWindows {
  /** The window of a row. @param value the call as its function has it: one window, or a list of rows with one each */
  readonly windowOf: (value: BoundExpression, at: TextPosition) => BoundExpression
  /** What the SELECT reads then. */
  readonly over: (base: TimeWindowBase) => TimeWindowBase
}

interface TimeWindowBase {
  readonly from: BoundFrom | undefined
  readonly where: BoundExpression | undefined
}

export function newTimeWindows(state: BindState): TimeWindows {
  const lists = new Map<string, ReturnType<typeof unnestOf>>()
  /** What the SELECT reads is settled: windows that ORDER BY alone names come too late to add to it. */
  let isSettled = false
  const present = new Map<string, { readonly value: BoundExpression; readonly at: TextPosition }>()
  return {
    windowOf(value, at) {
      const [time] = value.kind === 'call' ? value.arguments : []
      if (!time) return value
      const key = keyOf(value)
      const isOfRows = !someExpression(time, isNotOfRows)
      if (value.type.kind !== 'array') {
        if (!isOfRows || isSettled) return value
        present.set(key, { value: callByName({ state, at }, 'isnotnull', [time]), at })
        return value
      }
      if (!isOfRows || (isSettled && !lists.has(key))) {
        throw new AppError('query.unsupported', 'Windows that overlap are of a time that each row has.', {
          position: at,
          hint: 'Name them in the select list, or compute the time in a subquery.',
        })
      }
      const rows = lists.get(key) ?? unnestOf(value, [], state)
      lists.set(key, rows)
      if (lists.size > 1) {
        throw new AppError('query.unsupported', 'A SELECT has one kind of windows that overlap.', {
          position: at,
          hint: 'Make the others in a subquery.',
        })
      }
      return columnOf(rows.relation, must(rows.relation.columns[0], 'windows are one column'))
    },
    over({ from, where }) {
      isSettled = true
      const [rows] = lists.values()
      return {
        from:
          rows && from
            ? { kind: 'join', type: 'cross', left: from, right: rows, condition: undefined }
            : (rows ?? from),
        where: [...present.values()].reduce<BoundExpression | undefined>(
          (condition, { value, at }) =>
            condition ? callByName({ state, at }, 'and', [condition, value]) : value,
          where,
        ),
      }
    },
  }
}

/** What no condition on rows can hold. */
function isNotOfRows(value: BoundExpression): boolean {
  if (value.kind === 'lambdaVariable') return true
  return value.kind === 'call' && (value.over !== undefined || value.entry.kind === 'aggregate')
}
