import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { structType, voidType } from '#types/data-type.ts'
import type { BoundExpression, BoundFrameBound, BoundWindow } from '../../bind/bound.ts'
import { caseOf, integerOf, nullOf, structOf } from '../../bind/build.ts'
import type { FunctionEntry } from '../entry.ts'
import {
  backward,
  condition,
  forward,
  framed,
  isKnown,
  rowNumber,
  stepped,
  where,
  type Step,
} from './engine-call.ts'
import { partBefore, partBehind, placeOf } from './frames.ts'

function pathFunction(name: string, direction: Step['direction']): FunctionEntry {
  const side = direction === 'lag' ? 'before' : 'behind'
  return {
    names: [name],
    kind: 'adobe',
    remarks: `The value so many rows ${side} this one, NULL where there is none or it is NULL. With true as third argument only rows with a value count.`,
    signatures: [
      {
        takes: ['any', 'integer', 'boolean'],
        optional: 2,
        gives: ([type = voidType]) => structType([{ name: 'value', type }]),
        lowering: {
          kind: 'windows',
          expand: ([key, shift, ignoresNulls], over) => {
            const value = valueInFrame(must(key, 'a key'), over, {
              name,
              direction,
              shift: shift ?? integerOf(1),
              ignoresNulls: isConstantTrue(name, ignoresNulls),
            })
            const found = structOf([{ name: 'value', value }])
            return caseOf([{ when: isKnown(value), then: found }], nullOf(found.type))
          },
        },
      },
    ],
  }
}

function isConstantTrue(name: string, value: BoundExpression | undefined): boolean {
  if (!value) return false
  if (value.kind === 'literal') return value.value === true
  throw new AppError('query.unsupported', `Whether ${name} ignores NULL must be true or false as written.`)
}

/** The engine steps over the whole partition, so where it came to is held against where the frame ends. */
function valueInFrame(
  key: BoundExpression,
  over: BoundWindow,
  { name, ...step }: Step & { readonly name: string },
): BoundExpression {
  const isBack = step.direction === 'lag'
  const part = isBack ? partBefore(over.frame ?? backward) : partBehind(over.frame ?? forward)
  if (!part) return nullOf(key.type)
  const [near, far] = isBack ? [part.end, part.start] : [part.start, part.end]
  const shift = shiftBehind(near, step)
  if (!shift || (part.unit === 'range' && ('offset' in near || 'offset' in far))) {
    throw new AppError('query.unsupported', `${name} takes no frame like this.`, {
      hint: `Write ROWS ${isBack ? 'up to the current row or the one before it' : 'from the current row or the one behind it on'}.`,
    })
  }
  const window = framed(over, undefined)
  const value = stepped(key, { ...step, shift }, window)
  const place = rowNumber(window)
  const end = placeOf(far, place)
  if (!end) return value
  const counted = step.ignoresNulls ? where(place, isKnown(key)) : place
  const isInside = condition(
    `#not_${isBack ? 'before' : 'behind'}`,
    [stepped(counted, { ...step, shift }, window), end],
    ([reached = '', end = '']) => `${reached} ${isBack ? '>=' : '<='} ${end}`,
  )
  return where(value, isInside)
}

/** How far to step where the frame's near end leaves out rows; undefined where that cannot be said. */
function shiftBehind(near: BoundFrameBound, { shift, ignoresNulls }: Step): BoundExpression | undefined {
  if (!('offset' in near)) return shift
  const skipped = near.offset.kind === 'literal' ? Number(near.offset.value) - 1 : undefined
  if (skipped === undefined) return undefined
  if (skipped <= 0) return shift
  if (ignoresNulls || shift.kind !== 'literal') return undefined
  return integerOf(Number(shift.value) + skipped)
}

export const pathFunctions: readonly FunctionEntry[] = [
  pathFunction('previous', 'lag'),
  pathFunction('next', 'lead'),
]
