import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { readThrift, type ThriftField, type ThriftStruct, type ThriftValue, writeThrift } from './thrift.ts'

const integer = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger().map((value) => Math.trunc(value / 4)),
)
const text = fc.uint8Array({ maxLength: 40 })

const { struct } = fc.letrec<{ struct: ThriftStruct; field: ThriftField; value: ThriftField }>((tie) => ({
  struct: fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 300 }), tie('field')), {
      selector: ([id]) => id,
      maxLength: 6,
    })
    .map((fields) => new Map(fields.toSorted(([one], [other]) => one - other))),
  field: fc.oneof(
    { weight: 1, arbitrary: fc.boolean().map((value) => ({ type: value ? 1 : 2, value })) },
    { weight: 4, arbitrary: tie('value') },
  ),
  value: fc.oneof(
    { depthSize: 'small' },
    integer.map((value) => ({ type: 6, value })),
    fc.integer({ min: -128, max: 127 }).map((value) => ({ type: 3, value })),
    text.map((value) => ({ type: 8, value })),
    fc.array(text, { maxLength: 20 }).map((items) => ({ type: 9, value: { type: 8, items } })),
    fc.array(tie('struct'), { maxLength: 3 }).map((items) => ({ type: 9, value: { type: 12, items } })),
    tie('struct').map((value) => ({ type: 12, value })),
  ),
}))

const plain = (value: ThriftValue): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('hex')
    : typeof value !== 'object'
      ? value
      : 'items' in value
        ? [value.type, value.items.map(plain)]
        : [...value].map(([id, field]) => [id, field.type, plain(field.value)])

test('what is written is read again', () => {
  fc.assert(
    fc.property(struct, (value) => {
      expect(plain(readThrift(writeThrift(value)))).toEqual(plain(value))
    }),
  )
})

test('bytes that end too early, or are anything, are refused or read, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readThrift(bytes)
      } catch (error) {
        expect(error).toSatisfy((one) => one instanceof RangeError || one instanceof TypeError)
      }
    }),
  )
  expect(() => readThrift(Buffer.alloc(1_000, 0x1c))).toThrow('nested too deeply')
  expect(() => readThrift(Buffer.alloc(1_000, 0x19))).toThrow('nested too deeply')
  const manyItems = Buffer.concat([Buffer.from([0x19, 0xfc, 0xc0, 0x84, 0x3d]), Buffer.alloc(1_000_001)])
  expect(() => readThrift(manyItems)).toThrow('too many values')
  expect(() => readThrift(Buffer.from([0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))).toThrow(
    'too large',
  )
})
