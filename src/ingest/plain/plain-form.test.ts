import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { longType, structType } from '#types/data-type.ts'
import { headOf } from './plain-file.ts'
import { csvForm, jsonForm } from './plain-form.ts'
import { programOf } from './program.ts'

const longs = (names: readonly string[]) => ({
  columns: structType(names.map((name) => ({ name, type: longType }))),
  required: [],
  constraints: [],
})

test('of a file that begins with a long line no head is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-plain-form-'))
  try {
    const path = join(folder, 'a')
    const { signal } = new AbortController()
    await writeFile(path, `${'x'.repeat(1024 * 1024)}\n{"a":1}\n`)
    expect(await headOf(path, signal)).toBe('')
    await writeFile(path, '{"a":1}\n{"a":2}\n{"a"')
    expect(await headOf(path, signal)).toBe('{"a":1}\n{"a":2}\n')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a field that is there is never passed by: it would be, for each field before what is not plain', () => {
  const names = ['first', 'second', 'third']
  const { pattern } = jsonForm('{"first":1,"second":2,"third":3}\n', longs(names))!
  for (const name of names) expect(pattern).toContain(`|(?!"${name}"))`)
  const program = programOf(pattern)!
  const isPlain = (text: string): boolean => {
    program.lastIndex = 0
    return program.test(`${text}\n`)
  }
  expect(['{"first":1,"third":3}', '{"second":2}', '{"first":null}'].map(isPlain)).toEqual([true, true, true])
  expect(['{"first":1,"second":2,"third":3x}', '{"first":1.5}'].map(isPlain)).toEqual([false, false])
})

describe('no form', () => {
  test('of records of so many fields that to look for it takes longer than to read them', () => {
    const names = Array.from({ length: 3_000 }, (_, index) => `c${index}`)
    expect(csvForm(`${names.join(',')}\n`, longs(names))).toBeUndefined()
    expect(csvForm(`${names.slice(0, 100).join(',')}\n`, longs(names))).toBeDefined()
    const row = JSON.stringify(Object.fromEntries(names.slice(0, 400).map((name) => [name, 1])))
    expect(jsonForm(`${row}\n`, longs(names))).toBeUndefined()
  })

  test('of a pattern that cannot be looked for', () => {
    expect(programOf('(?<a>x)(?<a>y)')).toBeUndefined()
    expect(programOf('x')).toEqual(/x/y)
  })
})
