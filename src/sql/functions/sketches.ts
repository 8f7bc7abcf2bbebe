import { AppError } from '#base/errors.ts'
import { binaryType, doubleType, longType, stringType, type DataType } from '#types/data-type.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { aggregateCall, nullsLeftOut } from './aggregate-call.ts'
import { aggregate, on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'

const sizeOfAll = 12

const remarks = 'A HyperLogLog sketch of Apache DataSketches. NULL and the empty text are no values.'

/** Sketches of how many distinct values there are: base64 texts of the reference platform, and bytes of Spark. */
export const sketchFunctions: readonly FunctionEntry[] = [
  {
    ...aggregate(
      'hll_build_agg',
      on(['any', 'integer'], stringType, built('native_hll_build_text', 12), {
        optional: 1,
        converts: hashedAs,
      }),
    ),
    remarks: `${remarks} As base64; the second argument is lgConfigK, a constant from 4 to 12, by default 12.`,
  },
  {
    ...aggregate(
      'hll_merge_agg',
      on(['string', 'boolean'], stringType, merged('native_hll_union_text'), { optional: 1, constants: [1] }),
    ),
    remarks: 'With true as second argument sketches of different lgConfigK are merged, to the smallest.',
  },
  {
    ...scalar('hll_estimate', on(['string'], doubleType, 'round(native_hll_estimate_text($1), 2)')),
    remarks: 'Rounded to two decimals.',
  },
  {
    ...aggregate(
      'hll_sketch_agg',
      on(['any', 'integer'], binaryType, built('native_hll_build', 21), {
        optional: 1,
        converts: hashedAs,
        constants: [1],
      }),
    ),
    remarks: `${remarks} The second argument is lgConfigK, a constant from 4 to 21, by default 12.`,
  },
  aggregate(
    'hll_union_agg',
    on(['binary', 'boolean'], binaryType, merged('native_hll_union'), { optional: 1, constants: [1] }),
  ),
  scalar(
    'hll_union',
    on(
      ['binary', 'binary', 'boolean'],
      binaryType,
      ({ values: [left = '', right = '', mayDiffer = 'false'] }) =>
        `(CASE WHEN ${left} IS NOT NULL AND ${right} IS NOT NULL THEN native_hll_union([${left}, ${right}], ${mayDiffer}) END)`,
      { optional: 1 },
    ),
  ),
  scalar('hll_sketch_estimate', on(['binary'], longType, 'CAST(round(native_hll_estimate($1)) AS BIGINT)')),
]

/** Whole numbers are hashed as bigint, texts and bytes as they are, all else as text. */
function hashedAs([type]: readonly DataType[]): readonly (DataType | undefined)[] {
  if (type && isIntegral(type)) return [longType]
  return [type?.kind === 'binary' ? binaryType : stringType]
}

function built(name: string, sizeMax: number): (call: PrintedCall) => string {
  return (call) => {
    const [value = ''] = call.values
    const [type] = call.types
    const suffix = type?.kind === 'long' ? '_long' : type?.kind === 'binary' ? '_bytes' : ''
    const coupons = nullsLeftOut(call, value, `list(DISTINCT native_hll_coupon${suffix}(${value}))`)
    return `${name}(coalesce(${coupons}, CAST([] AS INTEGER[])), ${sizeOf(call.arguments[1], sizeMax)})`
  }
}

/** @throws AppError 'query.value' */
function sizeOf(value: BoundExpression | undefined, most: number): number {
  if (value === undefined) return sizeOfAll
  const size = value.kind === 'literal' ? Number(value.value) : Number.NaN
  if (Number.isInteger(size) && size >= 4 && size <= most) return size
  throw new AppError('query.value', `lgConfigK of a sketch is a constant from 4 to ${most}.`, {
    hint: 'Leave it out for 12.',
  })
}

function merged(name: string): (call: PrintedCall) => string {
  return (call) => {
    const [sketch = '', mayDiffer = 'false'] = call.values
    const list = call.isWindow
      ? aggregateCall(call, `list(${sketch})`)
      : nullsLeftOut(call, sketch, `list(${sketch})`)
    return `${name}(list_filter(${list}, lambda s: s IS NOT NULL), ${mayDiffer})`
  }
}
