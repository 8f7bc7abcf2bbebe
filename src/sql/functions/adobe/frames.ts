import type { BoundExpression, BoundFrame, BoundFrameBound, BoundWindow } from '../../bind/bound.ts'
import { keyOf } from '../../bind/walk.ts'
import { computed, currentRow } from './engine-call.ts'
import { longType } from '#types/data-type.ts'

/** The frame up to the current row, which is in it where it is in the frame; undefined: nothing is. */
export function partBefore({ unit, start, end }: BoundFrame): BoundFrame | undefined {
  if (stands(start) === 'behind') return undefined
  return { unit, start, end: stands(end) === 'behind' ? currentRow : end }
}

/** The frame from the current row on. */
export function partBehind({ unit, start, end }: BoundFrame): BoundFrame | undefined {
  if (stands(end) === 'before') return undefined
  return { unit, start: stands(start) === 'before' ? currentRow : start, end }
}

function stands(bound: BoundFrameBound): 'before' | 'here' | 'behind' {
  if (bound.kind === 'currentRow' || ('offset' in bound && isZero(bound.offset))) return 'here'
  return bound.kind === 'preceding' || bound.kind === 'unboundedPreceding' ? 'before' : 'behind'
}

function isZero(offset: BoundExpression): boolean {
  return offset.kind === 'literal' && Number(offset.value) === 0
}

/** The number of the frame's first or last row, from that of the current row; undefined where it has no bound. */
export function placeOf(bound: BoundFrameBound, current: BoundExpression): BoundExpression | undefined {
  if (bound.kind === 'currentRow') return current
  if (!('offset' in bound)) return undefined
  const sign = bound.kind === 'preceding' ? '-' : '+'
  return computed(
    `#place ${sign}`,
    longType,
    [current, bound.offset],
    ([place = '', offset = '']) => `(${place} ${sign} ${offset})`,
  )
}

/** Whether the rows are ordered by a time before anything else. */
export function comesByTime({ orderBy: [key] }: BoundWindow, time: BoundExpression): boolean {
  return key !== undefined && keyOf(key.value) === keyOf(time)
}
