import { expect, test } from 'vitest'
import { columnsOfXdm } from './xdm.ts'

test('what is asked of values is found at any depth, but what the type says anyway is not asked', () => {
  const { constraints } = columnsOfXdm({
    properties: {
      sku: { type: 'string', pattern: '^[A-Z]+$', minLength: 0, maxLength: 8 },
      kind: { type: 'string', enum: ['a', 'b'], 'meta:enum': { c: 'C' } },
      deep: { properties: { share: { type: 'number', minimum: 0, exclusiveMaximum: 1 } } },
      small: { type: 'integer', minimum: -128, maximum: 128, 'meta:xdmType': 'byte' },
      count: { type: 'integer', minimum: 0, maximum: 2_147_483_647, 'meta:xdmType': 'int' },
      long: { type: 'integer', minimum: -(2 ** 53), maximum: 2 ** 53 - 1, 'meta:xdmType': 'long' },
      at: { type: 'string', format: 'date-time', pattern: 'x' },
      list: { type: 'array', items: { type: 'string', minLength: 3 } },
      map: { type: 'object', additionalProperties: { type: 'integer', minimum: 3 } },
      only: { type: 'boolean', const: true },
      mail: { type: 'string', format: 'email' },
      reference: { type: 'string', format: 'uri-reference' },
      looks: { type: 'string', pattern: '(?=x)' },
    },
  })
  expect(constraints).toEqual([
    { path: ['sku'], pattern: '^[A-Z]+$', maxLength: 8 },
    { path: ['kind'], enum: ['a', 'b'] },
    { path: ['deep', 'share'], minimum: 0, exclusiveMaximum: 1 },
    { path: ['count'], minimum: 0 },
    { path: ['list', '[]'], minLength: 3 },
    { path: ['map', '{}'], minimum: 3 },
    { path: ['only'], enum: [true] },
    { path: ['mail'], format: 'email' },
  ])
})
