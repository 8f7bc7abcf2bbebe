import { afterAll, beforeAll, expect, it } from 'vitest'
import { compiledSql, type CompiledSql } from './support/compiled-sql.ts'

let sql: CompiledSql
beforeAll(async () => {
  const type =
    'struct<b:boolean,s:struct<e:int>,given:struct<v0:string,v1:string>,e:struct<key:string,value:int,v:int,p:boolean>,v:struct<n:int,d:int>,a:array<struct<z:int>>,m:map<string,int>,x:string,y:string>'
  const row = {
    b: true,
    s: { e: 9 },
    given: { v0: 'wrong', v1: 'wrong' },
    e: { key: 'wrong', value: 9, v: 9, p: false },
    v: { n: 9, d: 9 },
    a: [{ z: 2 }, { z: 1 }],
    m: { k: 1 },
    x: 'a,B',
    y: 'b',
  }
  sql = await compiledSql({ t: { type, rows: [row] } })
})
afterAll(() => sql[Symbol.dispose]())

/** The columns beside them are in what the engine reads, under the names that lambdas of our texts have. */
it.each([
  ['hash(b), b', [-559580957, true]],
  ['transform(sort_array(a), i -> i.z), s.e', ['{1,2}', 9]],
  ["array_position(split(x, ','), upper(y)), given.v0", [2, 'wrong']],
  ['to_json(m), e.value', ['{"k":1}', 9]],
  ['cast(m AS map<string, string>), e.key', ['[k -> 1]', 'wrong']],
  [
    'map_filter(m, (k, i) -> i = 1), transform_values(m, (k, i) -> i + 1), e.key',
    ['[k -> 1]', '[k -> 2]', 'wrong'],
  ],
  ["from_json(concat('[', y = 'b', ']'), 'array<boolean>'), e.v", ['{true}', 9]],
  [
    'cast(1.5 AS decimal(30, 20)) / cast(length(y) AS decimal(10, 2)), v.n',
    ['1.50000000000000000000000000', 9],
  ],
])('%s', async (items, row) => {
  const { rows } = await sql.run(`SELECT ${items} FROM t`)
  expect(rows).toEqual([row])
})
