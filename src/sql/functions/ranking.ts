import { doubleType, integerType, voidType, type DataType } from '#types/data-type.ts'
import { on, sameAsFirst } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'

/** Functions of a row's place among others. */
export const rankingFunctions: readonly FunctionEntry[] = [
  window('row_number', whole('row_number()')),
  window('rank', whole('rank()')),
  window('dense_rank', whole('dense_rank()')),
  window(
    'percent_rank',
    on([], doubleType, ({ over }) => `percent_rank()${over}`, { rest: 'any' }),
  ),
  window(
    'cume_dist',
    on([], doubleType, ({ over }) => `cume_dist()${over}`, { rest: 'any' }),
  ),
  window(
    'ntile',
    on(
      ['integer'],
      integerType,
      ({ values: [count = '1'], over }) => `CAST(ntile(${count})${over} AS INTEGER)`,
      { optional: 1 },
    ),
  ),
  window('lag', neighbour('lag')),
  window('lead', neighbour('lead')),
  window(
    'nth_value',
    on(
      ['any', 'integer', 'boolean'],
      sameAsFirst,
      (call) => {
        const [value = '', place = ''] = call.values
        return `nth_value(${value}, ${place}${nulls(call, 2)})${call.over}`
      },
      { optional: 1 },
    ),
  ),
]

function window(name: string, ...signatures: readonly Signature[]): FunctionEntry {
  return { names: [name], kind: 'window', signatures }
}

/** Arguments are accepted and mean nothing, as in Spark. */
function whole(call: string): Signature {
  return on([], integerType, ({ over }) => `CAST(${call}${over} AS INTEGER)`, { rest: 'any' })
}

function nulls({ ignoresNulls, arguments: given }: PrintedCall, place: number): string {
  const flag = given[place]
  return ignoresNulls || (flag?.kind === 'literal' && flag.value === true) ? ' IGNORE NULLS' : ''
}

/** `lag(value, offset, default)`. */
function neighbour(name: 'lag' | 'lead'): Signature {
  // What stands for a row that is not there becomes what the others are; a bare NULL is no type.
  const met = ([value = voidType, , other = voidType]: readonly DataType[]): DataType =>
    value.kind === 'void' ? other : value
  return on(
    ['any', 'integer', 'any'],
    met,
    (call) => `${name}(${call.values.join(', ')}${nulls(call, 3)})${call.over}`,
    { optional: 2, converts: (types) => (types.length === 3 ? [met(types), undefined, met(types)] : []) },
  )
}
