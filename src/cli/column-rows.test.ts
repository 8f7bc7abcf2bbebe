import { expect, test } from 'vitest'
import { columnRows } from './column-rows.ts'

test('fields of structs stand below them, maps and plain lists on one line', () => {
  expect(
    columnRows([
      { name: '_id', type: 'string' },
      { name: 'web', type: 'struct<page:struct<name:string,price:decimal(10,2)>,tags:array<string>>' },
      { name: 'items', type: 'array<struct<id:string,by:map<string,struct<a:int>>>>' },
    ]),
  ).toEqual([
    ['_id', 'string'],
    ['web', 'struct'],
    ['  page', 'struct'],
    ['    name', 'string'],
    ['    price', 'decimal(10,2)'],
    ['  tags', 'array<string>'],
    ['items', 'array<struct>'],
    ['  id', 'string'],
    ['  by', 'map<string,struct<a:int>>'],
  ])
})
