import { expect, test } from 'vitest'
import { applyJsonPatch, type PatchOptions } from './json-patch.ts'

const refuse: PatchOptions['refuse'] = (message, path, problem) => new Error(`${problem} ${path}: ${message}`)
const patched = (document: Record<string, unknown>, patch: unknown, options: Partial<PatchOptions> = {}) =>
  applyJsonPatch(document, patch, { refuse, ...options })

test('fields are added, replaced, removed and tested at any depth; what was given stays as it was', () => {
  const document = { title: 'a', list: [1, 2], deep: { 'a/b': { '~': 1 } } }
  const copy = structuredClone(document)
  const patch = [
    { op: 'test', path: '/title', value: 'a' },
    { op: 'REPLACE', path: '/title', value: 'b' },
    { op: 'add', path: '/list/0', value: 0 },
    { op: 'add', path: '/list/-', value: 3 },
    { op: 'remove', path: '/list/1' },
    { op: 'replace', path: '/deep/a~1b/~0', value: null },
  ]
  expect(patched(document, patch)).toEqual({ title: 'b', list: [0, 2, 3], deep: { 'a/b': { '~': null } } })
  expect(document).toEqual(copy)
})

test('what clients do beyond the standard is done where it is asked for', () => {
  const add = { op: 'add', path: '/list', value: 2 }
  expect(patched({ list: [1] }, add)).toEqual({ list: [1, 2] })
  expect(patched({ list: [1] }, [add], { isAddStrict: true })).toEqual({ list: 2 })
  expect(() => patched({ list: [1] }, add, { isListOnly: true })).toThrow('form')
  const replace = { op: 'replace', path: '/params', value: { b: 2 } }
  expect(patched({ params: { a: 1 } }, replace)).toEqual({ params: { b: 2 } })
  const isParams = (path: string) => path === '/params'
  expect(patched({ params: { a: 1 } }, replace, { isMerged: isParams })).toEqual({ params: { a: 1, b: 2 } })
  expect(() => patched({}, replace)).toThrow('place /params')
  expect(patched({}, replace, { isOptional: isParams })).toEqual({ params: { b: 2 } })
  expect(() => patched({}, { ...replace, op: 'remove' }, { isOptional: isParams })).toThrow('place')
  expect(patched({ a: 1 }, { op: 'remove', path: '/a' }, { isIgnored: () => true })).toEqual({ a: 1 })
})

test.each([
  ['no operation', []],
  ['too many', Array.from({ length: 1_001 }, () => ({ op: 'remove', path: '/a' }))],
  ['another verb', { op: 'move', path: '/a', from: '/b' }],
  ['no path', { op: 'remove', path: 'a' }],
  ['no value', { op: 'add', path: '/a' }],
  ['a test that fails', { op: 'test', path: '/a', value: 2 }],
  ['a place that is not there', { op: 'replace', path: '/b', value: 2 }],
  ['a step through a value', { op: 'add', path: '/a/b', value: 2 }],
  ['a place behind an array', { op: 'add', path: '/list/3', value: 2 }],
  ['a prototype', { op: 'add', path: '/__proto__/x', value: 2 }],
  ['a constructor', { op: 'add', path: '/constructor', value: 2 }],
])('%s is refused', (_what, patch) => {
  expect(() => patched({ a: 1, list: [1] }, patch)).toThrow(/^(?:form|place|value) /)
})
