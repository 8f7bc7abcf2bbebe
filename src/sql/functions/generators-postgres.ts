import {
  integerType,
  intervalType,
  longType,
  timestampType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { elementOf } from './arrays-meet.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import type { FunctionEntry, Signature } from './entry.ts'

/** PostgreSQL's, whose one column has the name that is given to the rows. */
export const postgresGenerators: readonly FunctionEntry[] = [
  {
    names: ['generate_series'],
    kind: 'generator',
    isNamedByRows: true,
    signatures: [
      series(['integral', 'integral', 'integral'], ([start, end]) =>
        [start, end].every((type) => type?.kind !== 'long') ? integerType : longType,
      ),
      {
        ...series(['timestamp', 'timestamp', 'any'], () => timestampType),
        // `'1 day'` is a text until somebody needs a span.
        fits: ([, , step]) => step?.kind === 'interval' || step?.kind === 'string',
        converts: () => [timestampType, timestampType, intervalType],
      },
    ],
    remarks:
      'From a first value up to a last one, both in it, by a step, for whole numbers 1. Where the step leads away from the last there are no rows, other than of `sequence`.',
  },
  {
    names: ['unnest'],
    kind: 'generator',
    isNamedByRows: true,
    signatures: [
      {
        takes: ['array'],
        gives: voidType,
        lowering: {
          kind: 'rows',
          columns: ([array]) => [{ name: 'unnest', type: elementOf(array) }],
          list: ({ values: [list = ''] }) => `list_transform(${list}, lambda e: struct_pack("unnest" := e))`,
        },
      },
    ],
  },
]

function series(
  takes: Signature['takes'],
  elementOfTypes: (types: readonly DataType[]) => DataType,
): Signature {
  const isOfTimes = takes.includes('timestamp')
  return {
    takes,
    ...(isOfTimes ? {} : { optional: 1 }),
    gives: voidType,
    lowering: {
      kind: 'rows',
      columns: (types) => [{ name: 'generate_series', type: elementOfTypes(types) }],
      list: ({ values, types }) => {
        const [start = '', end = '', step] = values
        const [from, to] = isOfTimes ? [toWallClock(start), toWallClock(end)] : [start, end]
        const none = isOfTimes ? "INTERVAL '0' DAY" : '0'
        const listed =
          step === undefined
            ? `generate_series(${from}, ${to})`
            : `CASE WHEN ${step} = ${none} THEN error('A step is not zero.') ELSE generate_series(${from}, ${to}, ${step}) END`
        const element = isOfTimes ? toInstant('e') : `CAST(e AS ${duckdbType(elementOfTypes(types))})`
        return `list_transform(${listed}, lambda e: struct_pack("generate_series" := ${element}))`
      },
    },
  }
}
