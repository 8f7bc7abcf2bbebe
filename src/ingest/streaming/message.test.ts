import { expect, test } from 'vitest'
import { messageOf } from './message.ts'

const datasetId = '0123456789abcdef01234567'
const header = { imsOrgId: 'o', datasetId }

test('a message says for which dataset it is, and what row it has', () => {
  const schemaRef = { id: 's' }
  const body = { xdmMeta: { schemaRef: { id: 't' } }, xdmEntity: { _id: 'a' } }
  expect(messageOf({ header: { ...header, schemaRef }, body })).toEqual({
    datasetId,
    organizationId: 'o',
    schemaIds: ['s', 't'],
    entity: { _id: 'a' },
  })
  for (const xdmMeta of [undefined, null, {}]) {
    expect(messageOf({ header, body: { xdmMeta, xdmEntity: {} } }).schemaIds).toEqual([])
  }
})

test.each<[unknown, string]>([
  [null, '$: an object'],
  ['text', '$: an object'],
  [[], '$: an object'],
  [{}, '$.header: an object'],
  [{ header, body: [] }, '$.body: an object'],
  [{ header: { ...header, imsOrgId: 1 }, body: { xdmEntity: {} } }, '$.header.imsOrgId: a text'],
  [{ header: { imsOrgId: 'o' }, body: { xdmEntity: {} } }, '$.header.datasetId: a text'],
  [{ header: { ...header, schemaRef: null }, body: { xdmEntity: {} } }, '$.header.schemaRef: an object'],
  [{ header: { ...header, schemaRef: {} }, body: { xdmEntity: {} } }, '$.header.schemaRef.id: a text'],
  [{ header, body: { xdmMeta: 1, xdmEntity: {} } }, '$.body.xdmMeta: an object'],
  [{ header, body: { xdmMeta: { schemaRef: 's' }, xdmEntity: {} } }, '$.body.xdmMeta.schemaRef: an object'],
  [{ header, body: {} }, '$.body.xdmEntity: an object'],
  [{ header, body: { xdmEntity: [] } }, '$.body.xdmEntity: an object'],
])('%j is refused with its place', (value, problem) => {
  expect(() => messageOf(value)).toThrow(problem)
})
