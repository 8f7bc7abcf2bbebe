import { expect, test } from 'vitest'
import {
  arrayType,
  byteType,
  dateType,
  decimalType,
  integerType,
  mapType,
  stringType,
  structType,
  timestampNtzType,
  timestampType,
  voidType,
} from './data-type.ts'
import { fieldPlaces, icebergStruct, nestedIds, storedType } from './iceberg.ts'

const columns = structType([
  { name: 'a', type: byteType },
  {
    name: 's',
    type: structType([
      { name: 'x', type: timestampType },
      { name: 'y', type: decimalType(9, 2) },
    ]),
  },
  { name: 'm', type: mapType(stringType, arrayType(structType([{ name: 'id', type: integerType }]))) },
  { name: 'z', type: dateType },
])

test('field ids are given level by level', () => {
  const { struct, lastFieldId } = icebergStruct(columns)
  expect(
    Array.from(fieldPlaces(struct)).map(({ id, path, isRepeated }) => [path.join('.'), id, isRepeated]),
  ).toEqual([
    ['a', 1, false],
    ['s', 2, false],
    ['s.x', 5, false],
    ['s.y', 6, false],
    ['m', 3, false],
    ['m.key', 7, true],
    ['m.value', 8, true],
    ['m.value.element', 9, true],
    ['m.value.element.id', 10, true],
    ['z', 4, false],
  ])
  expect(lastFieldId).toBe(10)
  expect(nestedIds(struct)['m']).toEqual({
    id: 3,
    fields: { key: { id: 7 }, value: { id: 8, fields: { element: { id: 9, fields: { id: { id: 10 } } } } } },
  })
})

test('every integer is stored as long, at any depth, and instants are told from wall-clock times', () => {
  const { struct } = icebergStruct(columns)
  expect(
    Array.from(fieldPlaces(struct))
      .map((place) => place.type)
      .filter((type) => typeof type === 'string'),
  ).toEqual(['long', 'timestamptz', 'decimal(9, 2)', 'string', 'long', 'date'])
  expect(storedType(columns)).toEqual(
    structType([
      { name: 'a', type: { kind: 'long' } },
      columns.fields[1]!,
      {
        name: 'm',
        type: mapType(stringType, arrayType(structType([{ name: 'id', type: { kind: 'long' } }]))),
      },
      columns.fields[3]!,
    ]),
  )
  expect(
    icebergStruct(
      structType([
        { name: 't', type: timestampNtzType },
        { name: 'v', type: voidType },
      ]),
    ).struct.fields,
  ).toMatchObject([{ type: 'timestamp' }, { type: 'string' }])
})
