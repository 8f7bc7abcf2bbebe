import { expect, test } from 'vitest'
import { arrayType, integerType, mapType, stringType, structType, timestampType } from '../types/data-type.ts'
import { clusterPath } from './cluster-path.ts'

const columns = structType([
  { name: 'person', type: structType([{ name: 'visitor id', type: stringType }]) },
  { name: 'odd `name', type: integerType },
  { name: 'timestamp', type: timestampType },
  {
    name: 'identityMap',
    type: mapType(stringType, arrayType(structType([{ name: 'id', type: stringType }]))),
  },
])

test.each([
  ['timestamp', '"timestamp"', ['timestamp']],
  ['TIMESTAMP', '"timestamp"', ['timestamp']],
  ['person.`visitor id`', `struct_extract("person", 'visitor id')`, ['person', 'visitor id']],
  ['`odd ``name`', '"odd `name"', ['odd `name']],
  ["identityMap['ECID'][0].id", `struct_extract("identityMap"['ECID'][1], 'id')`, undefined],
  ["identityMap[ 'a''b' ][2] . id", `struct_extract("identityMap"['a''b'][3], 'id')`, undefined],
])('the path %s is read', (text, expression, names) => {
  expect(clusterPath(text, columns)).toEqual({ expression, names })
})

test.each([
  '',
  'nowhere',
  'person',
  'person.other',
  'person[0]',
  'timestamp.x',
  'timestamp timestamp',
  'identityMap[0]',
  "identityMap['ECID']",
  '.timestamp',
  'timestamp; DROP TABLE x',
  "timestamp' ",
])('the path %j is refused', (text) => {
  expect(() => clusterPath(text, columns)).toThrow(expect.objectContaining({ code: 'schema.invalid' }))
})
