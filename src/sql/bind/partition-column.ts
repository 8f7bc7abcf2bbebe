import type { TextPosition } from '#base/errors.ts'
import { dateType } from '#types/data-type.ts'
import type { BoundExpression } from './bound.ts'
import { castTo } from './build.ts'
import { callByName } from './resolve-call.ts'
import { resolvePath } from './scope.ts'
import type { ExpressionPlace } from './state.ts'

/**
 * `_ACP_YEAR`, `_ACP_MONTH`, `_ACP_DAY` and `_ACP_DATE`, by which older queries filter: parts of the table's `timestamp`.
 * No list of columns has them.
 */
export function partitionColumn(
  parts: readonly string[],
  at: TextPosition,
  { scope, state }: ExpressionPlace,
): BoundExpression | undefined {
  const part = /^_acp_(year|month|day|date)$/i.exec(parts.at(-1) ?? '')?.[1]?.toLowerCase()
  if (part === undefined) return undefined
  const path = [...parts.slice(0, -1), 'timestamp']
  const found = resolvePath(scope, path, at)
  if (found?.rest !== path.length || found.value.type.kind !== 'timestamp') return undefined
  return part === 'date' ? castTo(found.value, dateType) : callByName({ state, at }, part, [found.value])
}
