import { AppError } from '#base/errors.ts'
import { integerType, stringType, structType, voidType, type DataType, type Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { widerOf } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { elementOf } from './arrays-meet.ts'
import type { Accepts, FunctionEntry, Lowering, PrintedCall, Signature } from './entry.ts'
import { jsonTupleList } from './json-paths.ts'
import { keyType, valueType } from './maps-meet.ts'
import { onceEach } from './once-each.ts'

type Rows = Extract<Lowering, { kind: 'rows' }>

export const generatorFunctions: readonly FunctionEntry[] = [
  ...withOuter('explode', [
    rows(
      ['array'],
      ([array]) => [{ name: 'col', type: elementOf(array) }],
      ({ values: [list = ''] }) => `list_transform(${list}, lambda e: struct_pack("col" := e))`,
    ),
    rows(
      ['map'],
      ([map]) => entryFields(map),
      ({ values: [map = ''] }) => `map_entries(${map})`,
    ),
  ]),
  ...withOuter('posexplode', [
    rows(
      ['array'],
      ([array]) => [place, { name: 'col', type: elementOf(array) }],
      ({ values: [list = ''] }) =>
        `list_transform(${list}, lambda e, i: struct_pack("pos" := CAST(i - 1 AS INTEGER), "col" := e))`,
    ),
    rows(
      ['map'],
      ([map]) => [place, ...entryFields(map)],
      ({ values: [map = ''] }) =>
        `list_transform(map_entries(${map}), lambda e, i: struct_pack("pos" := CAST(i - 1 AS INTEGER), "key" := (e)."key", "value" := (e)."value"))`,
    ),
  ]),
  ...withOuter('inline', [
    {
      ...rows(
        ['array'],
        ([array]) => fieldsOf(array),
        ({ values: [list = ''] }) => list,
      ),
      converts: ([array]) => [elementOf(array).kind === 'struct' ? undefined : voidType],
    },
  ]),
  {
    names: ['stack'],
    kind: 'generator',
    signatures: [{ ...rows(['integer'], stackColumns, stacked), rest: 'any' }],
    remarks: 'The number of rows is a constant; a column takes the type its values meet in.',
  },
  {
    names: ['json_tuple'],
    kind: 'generator',
    signatures: [
      {
        ...rows(
          ['string', 'string'],
          (types) => types.slice(1).map((_type, index) => ({ name: `c${index}`, type: stringType })),
          jsonTupleList,
        ),
        rest: 'string',
      },
    ],
  },
]

const place: Field = { name: 'pos', type: integerType }

function rows(takes: readonly Accepts[], columns: Rows['columns'], list: Rows['list']): Signature {
  return { takes, gives: voidType, lowering: { kind: 'rows', columns, list } }
}

/** The generator, and its `_outer` form, which makes a row of NULLs where there is nothing. */
function withOuter(name: string, signatures: readonly Signature[]): readonly FunctionEntry[] {
  return [
    { names: [name], kind: 'generator', signatures },
    { names: [`${name}_outer`], kind: 'generator', signatures: signatures.map(outer) },
  ]
}

function outer(signature: Signature): Signature {
  const { lowering } = signature
  if (lowering.kind !== 'rows') return signature
  const list = (call: PrintedCall): string =>
    onceEach([lowering.list(call)], (list) => {
      const row = duckdbType(structType(lowering.columns(call.types, call.arguments)))
      return `CASE WHEN len(${list}) > 0 THEN ${list} ELSE [CAST(NULL AS ${row})] END`
    })
  return { ...signature, lowering: { ...lowering, list } }
}

function entryFields(map: DataType | undefined): readonly Field[] {
  const types = map ? [map] : []
  return [
    { name: 'key', type: keyType(types) },
    { name: 'value', type: valueType(types) },
  ]
}

function fieldsOf(array: DataType | undefined): readonly Field[] {
  const element = elementOf(array)
  return element.kind === 'struct' ? element.fields : []
}

/** How the values of `stack(n, …)` stand in rows. */
function stackShape(values: readonly BoundExpression[]): { readonly height: number; readonly width: number } {
  const [count] = values
  const height = count?.kind === 'literal' ? Number(count.value) : 0
  if (height < 1) {
    throw new AppError('query.type', 'The first argument of stack is a constant: how many rows there are.')
  }
  return { height, width: Math.ceil((values.length - 1) / height) }
}

function stackColumns(types: readonly DataType[], values: readonly BoundExpression[]): readonly Field[] {
  const { height, width } = stackShape(values)
  return Array.from({ length: width }, (_unused, column) => {
    const members = Array.from({ length: height }, (_row, row) => types[1 + row * width + column] ?? voidType)
    const type = widerOf(members)
    if (!type) {
      throw new AppError('query.type', `The values of column ${column} of stack have types that do not meet.`)
    }
    return { name: `col${column}`, type }
  })
}

function stacked({ values, types, arguments: given, cast }: PrintedCall): string {
  const { height, width } = stackShape(given)
  const columns = stackColumns(types, given)
  const list = Array.from({ length: height }, (_unused, row) => {
    const members = columns.map(({ name, type }, column) => {
      const index = 1 + row * width + column
      const value = values[index]
      const text =
        value === undefined
          ? `CAST(NULL AS ${duckdbType(type)})`
          : cast(value, types[index] ?? voidType, type)
      return `"${name}" := ${text}`
    })
    return `struct_pack(${members.join(', ')})`
  })
  return `[${list.join(', ')}]`
}
