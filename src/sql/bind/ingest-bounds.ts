import { timestampType } from '#types/data-type.ts'
import type { BoundExpression } from './bound.ts'
import { longOf, stringOf } from './build.ts'
import type { CallSite } from './resolve-call.ts'
import { childrenOf, mapChildren } from './walk.ts'

type Sides = readonly [BoundExpression, BoundExpression]

/**
 * The text `'HEAD'` compared with an ingest time means the beginning, `'TAIL'` the end, also inside arithmetic. A NULL
 * there selects nothing, as SQL says; who wrote it is told.
 */
export function withIngestBounds(sides: Sides, { state }: CallSite): Sides {
  const [left, right] = sides
  const [isLeft, isRight] = [isIngestTime(left), isIngestTime(right)]
  if (isLeft === isRight) return sides
  const bound = isLeft ? right : left
  if (isNull(bound)) {
    state.notices.push(
      'An ingest time is compared with NULL, so no row is selected. Seed the checkpoint with 0 or HEAD to begin from the first batch.',
    )
  }
  const isTime = (isLeft ? left : right).type.kind === 'timestamp'
  const meant = (isTime ? timeOfWord(bound) : longOfWord(bound)) ?? withoutWords(bound)
  return isLeft ? [left, meant] : [meant, right]
}

/** What may be something else when one of its arguments is NULL. */
const nullTakers: readonly string[] = ['coalesce', 'nvl', 'ifnull', 'nvl2', 'if', 'nullif', 'concat_ws']

function isNull(expression: BoundExpression): boolean {
  if (expression.kind === 'literal') return expression.value === null
  if (expression.kind === 'cast') return isNull(expression.value)
  return (
    expression.kind === 'call' &&
    !expression.entry.names.some((name) => nullTakers.includes(name)) &&
    expression.arguments.some((argument) => isNull(argument))
  )
}

/** Above every ingest time, and small enough to be computed with. */
const endOfTime = 253_402_300_799_999n

function millisOfWord(expression: BoundExpression): bigint | undefined {
  const word =
    expression.kind === 'literal' && typeof expression.value === 'string'
      ? expression.value.trim().toUpperCase()
      : ''
  if (word === 'HEAD') return 0n
  return word === 'TAIL' ? endOfTime : undefined
}

function longOfWord(expression: BoundExpression): BoundExpression | undefined {
  const millis = millisOfWord(expression)
  return millis === undefined ? undefined : longOf(millis)
}

/** Whatever the words are arguments of takes texts: they become texts of numbers. */
function withoutWords(expression: BoundExpression): BoundExpression {
  if (expression.kind !== 'literal') return mapChildren(expression, withoutWords)
  const millis = millisOfWord(expression)
  return millis === undefined ? expression : stringOf(String(millis))
}

/** The word where the ingest time was made a timestamp. */
function timeOfWord(expression: BoundExpression): BoundExpression | undefined {
  const millis = millisOfWord(expression)
  if (millis === undefined) return undefined
  const value = millis === 0n ? '1970-01-01' : '9999-12-31'
  return { kind: 'literal', type: timestampType, value: `${value}T00:00:00.000000Z` }
}

/** Whether the value was made from `_acp_system_metadata.ingestTime`, here or further in. */
function isIngestTime(expression: BoundExpression): boolean {
  const seen = new Set<BoundExpression>()
  const visit = (inner: BoundExpression): boolean => {
    if (seen.has(inner)) return false
    seen.add(inner)
    if (inner.kind === 'field' && inner.name === 'ingestTime' && isSystemMetadata(inner.base)) return true
    if (inner.kind === 'column') return inner.column.definitions.some(visit)
    if (inner.kind === 'field' && inner.base.kind === 'column') {
      return inner.base.column.definitions.some((definition) => isFieldMadeOf(definition, inner.name, visit))
    }
    return childrenOf(inner).some(visit)
  }
  return visit(expression)
}

function isSystemMetadata(base: BoundExpression): boolean {
  if (base.kind !== 'column') return false
  const { column } = base
  return column.definitions.length === 0
    ? column.name === '_acp_system_metadata'
    : column.definitions.some(isSystemMetadata)
}

function isFieldMadeOf(
  definition: BoundExpression,
  name: string,
  visit: (expression: BoundExpression) => boolean,
): boolean {
  if (definition.kind === 'column') {
    return definition.column.definitions.some((inner) => isFieldMadeOf(inner, name, visit))
  }
  if (definition.kind !== 'struct') return false
  const index = definition.type.fields.findIndex((field) => field.name === name)
  const value = definition.values[index]
  return value !== undefined && visit(value)
}
