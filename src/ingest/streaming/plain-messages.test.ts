import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { fields, objectOf } from '../../../test/support/record-texts.ts'
import { longType, structType } from '#types/data-type.ts'
import { parseJson } from '../raw-json.ts'
import type { RequiredPaths } from '../value-readers.ts'
import { messagesOf } from './call-messages.ts'
import { createEntityForms } from './entity-form.ts'
import { keyOf, messageOf, rowChecker } from './message.ts'
import { createPlainMessages } from './plain-messages.ts'

const datasetId = '0123456789abcdef01234567' as Parameters<ReturnType<typeof createEntityForms>>[0]
const id = { name: '_id', type: { kind: 'string' } } as const
const all = structType([id, ...fields])
const header = { schemaRef: { id: 's', contentType: 'x' }, imsOrgId: 'o', datasetId }

/** One that has learnt from a call, as the receiver does. */
function learnt(text: string, isSeveral: boolean, required: RequiredPaths = [], columns = all) {
  const form = createEntityForms(isSeveral ? messagesOf({ text, isSeveral }).length : 1)(
    datasetId,
    columns,
    required,
  )
  const plain = createPlainMessages()
  const check = rowChecker(columns, required)
  for (const value of messagesOf({ text, isSeveral })) {
    const { entity } = messageOf(value)
    if (!check(entity).misfit) form.see(entity)
  }
  if (form.pattern) plain.learn('inlet', { text, isSeveral }, form.pattern)
  const read = async (other: string) => {
    const rows = await plain.read('inlet', { text: other, isSeveral }, async () => form.pattern)
    if (!rows) return undefined
    // What whoever reads all of it comes to.
    const messages = messagesOf({ text: other, isSeveral }).map(messageOf)
    expect(rows.map(({ addressed }) => addressed)).toEqual(
      messages.map(({ entity, ...addressed }) => entity && addressed),
    )
    expect(rows.map((row) => parseJson(row.text))).toEqual(messages.map(({ entity }) => entity))
    const checked = messages.map(({ entity }) => check(entity))
    expect(checked.map(({ misfit }) => misfit)).toEqual(rows.map(() => undefined))
    expect(rows.map((row) => keyOf(row.id))).toEqual(checked.map(({ key }) => key))
    for (const row of rows) expect(row.text).not.toMatch(/[\n\r]/)
    return rows
  }
  return read
}

const one = (entity: unknown, more: object = {}) =>
  JSON.stringify({ header, body: { xdmEntity: entity, ...more } })
const several = (...entities: unknown[]) =>
  `{"messages":[${entities.map((entity) => one(entity)).join(',')}]}`

test('messages like those that came are taken as they were written', async () => {
  const read = learnt(one({ _id: 'a', text: 'x' }), false)
  expect(await read(one({ _id: 'b"\n', text: 'y' }))).toMatchObject([
    { id: 'b"\n', addressed: { datasetId } },
  ])
  expect(await read(one({ text: 'y' }))).toMatchObject([{ id: undefined }])
  expect(await read(one({ _id: null, text: 'y' }))).toMatchObject([{ id: undefined }])
  const batch = learnt(several({ _id: 'a', i: 1 }, { _id: 'b', text: 'x' }), true)
  expect(await batch(several({ _id: 'c' }, { _id: 'd', i: 7 }, { text: 'y' }))).toMatchObject([
    { id: 'c', text: '{"_id":"c"}' },
    { id: 'd' },
    { id: undefined },
  ])
})

test('a message whose _id is a number is left to whoever reads all of it', async () => {
  const numbered = structType([{ name: '_id', type: longType }, ...fields])
  const read = learnt(one({ _id: 1, i: 1 }), false, [], numbered)
  expect(await read(one({ _id: 12_345, i: 1 }))).toBeUndefined()
})

test('of a call from which was learnt no more is kept than what was learnt', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const form = createEntityForms(1)(datasetId, all, [])
  form.see({ _id: 'a' })
  const plain = createPlainMessages()
  const keptBy = (count: number): number => {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < count; index += 1) {
      // A text of its own for each, as from a request.
      const call = Buffer.from(`{"messages": [${one({ _id: 'a' })}, "${'x'.repeat(1_000_000)}"]}`).toString()
      plain.learn(`inlet ${index}`, { text: call, isSeveral: true }, form.pattern!)
    }
    collect()
    return process.memoryUsage().heapUsed - before
  }
  expect(keptBy(64)).toBeLessThan(16_000_000)
})

test.each([
  ['another header', one({ _id: 'b' }).replace('"imsOrgId":"o"', '"imsOrgId":"p"')],
  ['a value that does not fit', one({ _id: 'b', i: 'x' })],
  ['an unknown field', one({ _id: 'b', more: 1 })],
  ['something behind the row', one({ _id: 'b' }, { xdmMeta: {} })],
  ['a second row', one({ _id: 'b' }).replace('}}', '},"xdmEntity":{"_id":"c"}}')],
  ['something behind the message', `${one({ _id: 'b' })} `],
  ['no end', one({ _id: 'b' }).slice(0, -1)],
])('with %s it is for others to say', async (_what, text) => {
  expect(await learnt(one({ _id: 'a', i: 1 }), false)(text)).toBeUndefined()
})

test('a row is not learnt where its message has another one', async () => {
  const twice = `{"header":${JSON.stringify(header)},"body":{"xdmEntity":{"_id":"a"},"xdmEntity":{"_id":"b"}}}`
  expect(() => learnt(twice, false)).toThrow('twice')
  const inside = one({ _id: 'c' }, { xdmMeta: { a: '}{"\\' } })
  expect(await learnt(inside, false)(inside)).toHaveLength(1)
})

test.each([true, false])('any byte of a call changed, several messages: %s', async (isSeveral) => {
  let count = 0
  const shown = new Set(['text', 'i', 'd', 'time', 'page-größe.x', 'ids'])
  const call = fc.tuple(
    fc.array(objectOf([id, ...fields.filter(({ name }) => shown.has(name))], 100_000), {
      minLength: 2,
      maxLength: 3,
    }),
    fc.nat(10_000),
    fc.oneof(
      fc.constantFrom(...'"\\,:{}[]\n\r\t \0-.+eE0nul/*#;\''.split('')),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
  )
  await fc.assert(
    fc.asyncProperty(call, async ([rows, place, character]) => {
      const wrap = (row: string) => `{"header":${JSON.stringify(header)},"body":{"xdmEntity":${row}}}`
      const text = isSeveral ? `{"messages": [${rows.map(wrap).join(', ')}]}` : wrap(rows[0]!)
      let read: ReturnType<typeof learnt>
      try {
        read = learnt(text, isSeveral)
      } catch {
        return // One of the rows was no JSON.
      }
      if (await read(text)) count += 1
      const at = place % text.length
      await read(text.slice(0, at) + character + text.slice(at + 1))
      await read(text.slice(0, at) + character + text.slice(at))
      await read(text.slice(0, at) + text.slice(at + 1))
    }),
    { numRuns: 250, seed: 5 },
  )
  expect(count).toBeGreaterThan(20)
})
