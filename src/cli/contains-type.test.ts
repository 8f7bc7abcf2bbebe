import { expect, test } from 'vitest'
import { containsType } from './contains-type.ts'

test.each([
  ['int', 'int', true],
  ['bigint', 'int', false],
  ['decimal(10,2)', 'decimal(10,3)', false],
  ['struct<a:int,b:decimal(10,2),c:string>', 'struct<c:string,a:int>', true],
  ['struct<a:int>', 'struct<a:int,b:int>', false],
  ['struct<a:bigint,b:int>', 'struct<a:int>', false],
  ['struct<in:struct<x:int,y:map<string,int>>,z:int>', 'struct<in:struct<x:int>>', true],
  ['array<struct<a:int,b:int>>', 'array<struct<b:int>>', true],
  ['array<struct<a:int>>', 'struct<a:int>', false],
  ['map<string,struct<a:int,b:int>>', 'map<string,struct<a:int>>', true],
  ['map<int,struct<a:int,b:int>>', 'map<string,struct<a:int>>', false],
])('%s holds values of %s: %s', (has, wanted, holds) => {
  expect(containsType(has, wanted)).toBe(holds)
})
