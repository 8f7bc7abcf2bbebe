import { afterAll, beforeAll, expect, it } from 'vitest'
import { AppError } from '../src/base/errors.ts'
import { patternsFor } from '../src/sql/bind/accepts.ts'
import type { FunctionEntry } from '../src/sql/functions/entry.ts'
import { functionEntries } from '../src/sql/functions/registry.ts'
import { compiledSql, type CompiledSql } from './support/compiled-sql.ts'

/** What a call is made of: a column of each type, and constants. */
const types = {
  i: 'int',
  l: 'bigint',
  y: 'tinyint',
  f: 'float',
  d: 'double',
  m: 'decimal(10,2)',
  s: 'string',
  b: 'boolean',
  x: 'binary',
  day: 'date',
  at: 'timestamp',
  ints: 'array<int>',
  texts: 'array<string>',
  parts: 'array<struct<z:int>>',
  lists: 'array<array<int>>',
  marks: 'map<string,int>',
  e: 'struct<a:int,b:string>',
}
const values = [...Object.keys(types), 'NULL', "'abc'", '1', '-1', '1.5', "interval '1' day"]
const callsOfArity = 40

let sql: CompiledSql
beforeAll(async () => {
  const type = `struct<${Object.entries(types)
    .map(([name, of]) => `${name}:${of}`)
    .join(',')}>`
  sql = await compiledSql({ t: { type, rows: [] } })
})
afterAll(() => sql[Symbol.dispose]())

/** Drawn by lot, the same ones each time. */
function drawn(): (count: number) => number {
  let state = 7
  return (count) => (state = (state * 48_271) % 0x7fffffff) % count
}

function* callsOf({ names: [name = ''], kind, signatures }: FunctionEntry): Generator<string> {
  const draw = drawn()
  const over = kind === 'window' || kind === 'adobe' ? ' OVER (PARTITION BY s ORDER BY at)' : ''
  for (let arity = 0; arity <= 5; arity += 1) {
    if (!signatures.some((signature) => patternsFor(signature, arity))) continue
    const count = arity === 0 ? 1 : arity === 1 ? values.length : callsOfArity
    for (let turn = 0; turn < count; turn += 1) {
      const given = Array.from({ length: arity }, () => values[arity === 1 ? turn : draw(values.length)])
      yield `${name}(${given.join(', ')})${over}`
    }
  }
}

/** There are no rows, so that nothing can be wrong but what was let through. */
it('a call whose types are taken is one that the engine can plan', async () => {
  const wrong: string[] = []
  for (const entry of functionEntries.filter(({ names: [name = ''] }) => /^[a-z]/.test(name))) {
    for (const call of callsOf(entry)) {
      try {
        await sql.run(`SELECT ${call} AS answer FROM t`)
      } catch (error) {
        if (!(error instanceof AppError)) wrong.push(`${call}: ${String(error).split('\n')[0]}`)
      }
    }
  }
  expect(wrong).toEqual([])
})
