import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { structType, voidType } from '#types/data-type.ts'
import type { BoundExpression, BoundWindow } from '../../bind/bound.ts'
import { caseOf, integerOf, nullOf, structOf } from '../../bind/build.ts'
import type { FunctionEntry } from '../entry.ts'
import { framed, isKnown, stepped } from './engine-call.ts'

type Direction = 'lag' | 'lead'

function pathFunction(name: string, direction: Direction): FunctionEntry {
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
            checkFrame(name, direction, over)
            const step = {
              direction,
              shift: shift ?? integerOf(1),
              ignoresNulls: isConstantTrue(name, ignoresNulls),
            }
            const value = stepped(must(key, 'a key'), step, framed(over, undefined))
            const found = structOf({ value })
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

/** The engine steps over the whole partition: a frame that ends earlier on that side would hide rows. */
function checkFrame(name: string, direction: Direction, { frame }: BoundWindow): void {
  const kind = direction === 'lag' ? frame?.start.kind : frame?.end.kind
  if (kind === undefined || kind === 'unboundedPreceding' || kind === 'unboundedFollowing') return
  throw new AppError('query.unsupported', `${name} takes no frame that is bounded where it looks.`, {
    hint:
      direction === 'lag'
        ? 'Use ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.'
        : 'Use ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING.',
  })
}

export const pathFunctions: readonly FunctionEntry[] = [
  pathFunction('previous', 'lag'),
  pathFunction('next', 'lead'),
]
