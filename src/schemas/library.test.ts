import { expect, test } from 'vitest'
import { columnsOfResolved } from './columns.ts'
import { isJson, type Json } from './json.ts'
import { library } from './library.ts'
import { compatiblePath, toCompatible, toStandard } from './notation.ts'
import { resolvedShipped } from './shipped.ts'

const xdm = 'https://ns.adobe.com/xdm'

test('everything that is shipped resolves, and what has fields could be a table', () => {
  const resources = [...library().resources.values()]
  expect(resources.length).toBeGreaterThanOrEqual(700)
  expect(new Set(resources.map((resource) => resource.altId)).size).toBe(resources.length)
  const withoutFields = resources.filter((resource) => {
    const resolved = resolvedShipped(resource.id)
    const { properties } = resolved
    if (!isJson(properties) || Object.keys(properties).length === 0) return true
    expect(columnsOfResolved(resolved).columns.fields.length).toBeGreaterThan(0)
    return false
  })
  expect(withoutFields.map((resource) => resource.id)).toContain(`${xdm}/data/adhoc`)
})

test('no description was copied', () => {
  const texts: string[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isJson(value)) {
      if (typeof value['description'] === 'string') texts.push(value['description'])
      Object.values(value).forEach(visit)
    }
  }
  for (const resource of library().resources.values()) visit(resource.document)
  expect(texts).toEqual([])
})

test.each([
  ['xdm:web', ['web']],
  ['@id', ['_id']],
  ['repo:createDate', ['_repo', 'createDate']],
  ['https://ns.adobe.com/experience/analytics/session', ['_experience', 'analytics', 'session']],
  ['plain', ['plain']],
])('%s in compatibility mode', (name, path) => {
  expect(compatiblePath(name)).toEqual(path)
})

test('standard names come back from compatibility mode; a tenant field stays', () => {
  const standard = {
    properties: {
      '@id': { type: 'string' },
      'xdm:a': {
        type: 'object',
        properties: { 'repo:createDate': { type: 'string' }, 'repo:modifyDate': { type: 'string' } },
      },
      'https://ns.adobe.com/experience/x/y': {
        type: 'array',
        items: { properties: { 'xdm:z': { type: 'integer' } } },
      },
    },
    required: ['@id', 'xdm:a'],
  }
  const compatible = toCompatible(standard)
  expect(compatible).toMatchObject({
    properties: {
      _id: { 'meta:xdmField': '@id' },
      a: { properties: { _repo: { properties: { createDate: { 'meta:xdmField': 'repo:createDate' } } } } },
      _experience: {
        properties: { x: { properties: { y: { items: { properties: { z: { type: 'integer' } } } } } } },
      },
    },
    required: ['_id', 'a'],
  })
  expect(toStandard(compatible)).toEqual(standard)
  const code = { type: 'string' }
  const tenant = (name: string, field: Json): Json => ({
    properties: {
      _acme: { type: 'object', properties: { ref: { type: 'object', properties: { [name]: field } } } },
    },
  })
  expect(toStandard(tenant('code', { ...code, 'meta:xdmField': 'xdm:code' }))).toEqual(
    tenant('xdm:code', code),
  )
  expect(toStandard(tenant('code', code))).toEqual(tenant('code', code))
})

test('the largest template has the leaves the public model says', () => {
  const { columns } = columnsOfResolved(
    resolvedShipped('https://ns.adobe.com/experience/analytics-experienceevent'),
  )
  const count = (fields: typeof columns.fields): number =>
    fields.reduce((sum, { type }) => sum + leaves(type), 0)
  const leaves = (type: (typeof columns.fields)[number]['type']): number => {
    if (type.kind === 'struct') return count(type.fields)
    if (type.kind === 'array') return leaves(type.element)
    return type.kind === 'map' ? leaves(type.value) : 1
  }
  expect(count(columns.fields)).toBeGreaterThan(5_000)
})
