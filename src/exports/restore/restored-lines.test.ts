import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { binaryType, longType } from '#types/data-type.ts'
import { linesToLoad } from './restored-lines.ts'

const columns = [
  { name: 'id', type: longType },
  { name: 'raw', type: binaryType },
]

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}

test('lines are rewritten wherever they are cut, numbers digit by digit', async () => {
  const lines = pieces('{"id":90071992547', '40993,"raw":"0A"}\n{"id":1,"raw":null}\n{"i', 'd":2,"raw":""}\n')
  expect((await buffer(linesToLoad(lines, columns))).toString()).toBe(
    '{"id":9007199254740993,"raw":"\\\\x0A"}\n{"id":1,"raw":null}\n{"id":2,"raw":"\\\\x"}\n',
  )
})

test('a line that does not end is not gathered for ever', async () => {
  let given = 0
  async function* endless() {
    for (; given < 100; given += 1) yield await Promise.resolve(Buffer.alloc(1024 * 1024, 'a'))
  }
  await expect(buffer(linesToLoad(endless(), columns))).rejects.toThrow(/longer than/)
  expect(given).toBeLessThan(70)
})
