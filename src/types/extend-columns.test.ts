import { expect, test } from 'vitest'
import { arrayType, longType, mapType, stringType, structType } from './data-type.ts'
import { extendColumns } from './extend-columns.ts'

test('what is new comes last in its struct, also inside arrays and maps; what is there stays', () => {
  const inner = structType([{ name: 'a', type: longType }])
  const wider = structType([
    { name: 'z', type: stringType },
    { name: 'a', type: longType },
  ])
  const before = structType([
    { name: 'gone', type: longType },
    { name: 's', type: inner },
    { name: 'l', type: arrayType(inner) },
    { name: 'm', type: mapType(stringType, inner) },
  ])
  const newer = structType([
    { name: 'n', type: longType },
    { name: 'm', type: mapType(stringType, wider) },
    { name: 'l', type: arrayType(wider) },
    { name: 's', type: wider },
  ])
  const grown = structType([
    { name: 'a', type: longType },
    { name: 'z', type: stringType },
  ])
  expect(extendColumns(before, newer)).toEqual(
    structType([
      { name: 'gone', type: longType },
      { name: 's', type: grown },
      { name: 'l', type: arrayType(grown) },
      { name: 'm', type: mapType(stringType, grown) },
      { name: 'n', type: longType },
    ]),
  )
  expect(extendColumns(before, before)).toEqual(before)
})
