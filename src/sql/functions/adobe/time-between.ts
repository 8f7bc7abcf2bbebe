import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { longType } from '#types/data-type.ts'
import type { BoundExpression } from '../../bind/bound.ts'
import { nullOf } from '../../bind/build.ts'
import type { FunctionEntry } from '../entry.ts'
import {
  backward,
  computed,
  forward,
  framed,
  isTrue,
  knownValue,
  microsOf,
  ordered,
  where,
} from './engine-call.ts'
import { partBefore, partBehind } from './frames.ts'

const microsOfUnit: Readonly<Record<string, number>> = {
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: 86_400_000_000,
}

function timeBetween(name: string, side: 'previous' | 'next'): FunctionEntry {
  const isPrevious = side === 'previous'
  return {
    names: [name],
    kind: 'adobe',
    remarks: `Whole units of time ${isPrevious ? 'since the last' : 'until the next'} event that matches${isPrevious ? '' : ', as a negative number'}; 0 on such an event itself, NULL where there is none.`,
    signatures: [
      {
        takes: ['timestamp', 'boolean', 'string'],
        optional: 1,
        gives: longType,
        lowering: {
          kind: 'windows',
          expand: ([time, matches, unit], over) => {
            const micros = microsOf(must(time, 'a timestamp'))
            const matched = where(micros, isTrue(must(matches, 'a condition')))
            const frame = isPrevious ? partBefore(over.frame ?? backward) : partBehind(over.frame ?? forward)
            const size = unitSize(name, unit)
            if (!frame) return nullOf(longType)
            const nearest = knownValue(
              isPrevious ? 'last' : 'first',
              matched,
              framed(ordered(over, time), frame),
            )
            return computed(
              `#units_of_${size}`,
              longType,
              [micros, nearest],
              ([at = '', other = '']) => `((${at} - ${other}) // ${size})`,
            )
          },
        },
      },
    ],
  }
}

function unitSize(name: string, unit: BoundExpression | undefined): number {
  const word = unit?.kind === 'literal' ? String(unit.value) : unit ? undefined : 'seconds'
  const size = microsOfUnit[(word ?? '').toLowerCase().replace(/s$/, '')]
  if (size !== undefined) return size
  throw new AppError(
    'query.value',
    `${name} counts in days, hours, minutes or seconds${word === undefined ? '' : `, not in ${word}`}.`,
    { hint: `Write ${name}(…, 'minutes').` },
  )
}

export const timeBetweenFunctions: readonly FunctionEntry[] = [
  timeBetween('time_between_previous_match', 'previous'),
  timeBetween('time_between_next_match', 'next'),
]
