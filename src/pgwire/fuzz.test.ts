import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import * as wire from '../../test/support/wire-client.ts'
import { eventually, type WireServer, wireServer } from '../../test/support/wire-server.ts'

/** Whatever comes over the wire, the server stays, forgets who went, and answers the next one. */

let server: WireServer
beforeAll(async () => {
  server = await wireServer({ sessionsMax: 20, startupTimeoutMs: 2_000 })
})
afterAll(async () => await server[Symbol.asyncDispose]())

const name = fc.constantFrom('', 'a', 'b')
const sql = fc.constantFrom(
  'rows 3',
  'rows 50 100',
  'echo $1',
  'fail',
  'insert',
  'begin',
  'commit',
  '',
  'rows 1; fail; rows 2',
)
const value = fc.option(fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)))

/** Messages that are well formed, in any order. */
const known = fc.oneof(
  sql.map((text) => wire.query(text)),
  fc.tuple(sql, name).map(([text, statement]) => wire.parse(text, { name: statement })),
  fc
    .record({ portal: name, statement: name, values: fc.array(value, { maxLength: 2 }) })
    .map((given) => wire.bind(given)),
  fc
    .tuple(fc.constantFrom('S' as const, 'P' as const), name)
    .map(([target, one]) => wire.describe(target, one)),
  fc.tuple(fc.nat({ max: 3 }), name).map(([count, portal]) => wire.execute(count, portal)),
  fc.tuple(fc.constantFrom('S' as const, 'P' as const), name).map(([target, one]) => wire.close(target, one)),
  fc.constantFrom(wire.sync, wire.flush),
)
/** Any type, any length, any bytes. */
const odd = fc
  .record({
    type: fc.integer({ min: 0, max: 255 }),
    length: fc.integer(),
    bytes: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ type, length, bytes }) => {
    const head = Buffer.alloc(5)
    head[0] = type
    head.writeInt32BE(length | 0, 1)
    return Buffer.concat([head, bytes])
  })
const conversation = fc.record({
  messages: fc.array(fc.oneof({ weight: 12, arbitrary: known }, { weight: 1, arbitrary: odd }), {
    maxLength: 25,
  }),
  cuts: fc.array(fc.nat(), { maxLength: 6 }),
})

test('messages in any order, cut anywhere, sometimes broken', async () => {
  await fc.assert(
    fc.asyncProperty(conversation, async ({ messages, cuts }) => {
      const client = await wire.WireClient.signedIn(server.port)
      const bytes = Buffer.concat([...messages, wire.sync])
      const places = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((a, b) => a - b)
      for (const [index, place] of places.slice(1).entries())
        client.send(bytes.subarray(places[index], place))
      await client[Symbol.asyncDispose]()
    }),
    { numRuns: 60 },
  )
  await eventually(() => server.query.counts.sessions === 0)
  expect(server.query.counts.opened).toBe(server.query.counts.disposed)
  expect(server.logged.filter(({ level }) => level === 'error')).toEqual([])
  await using next = await wire.WireClient.signedIn(server.port)
  next.send(wire.query('rows 1'))
  expect((await next.untilReady()).some(({ type }) => type === 'D')).toBe(true)
}, 60_000)

test('strangers that send anything are refused before any session is made', async () => {
  const { sessions } = server.query
  const before = sessions.length
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 400 }),
      fc.boolean(),
      async (bytes, isHalfOpen) => {
        const socket = connect({ host: '127.0.0.1', port: server.port })
        socket.on('error', () => {})
        await once(socket, 'connect')
        socket.write(bytes)
        if (isHalfOpen) socket.destroy()
        else socket.end()
        socket.resume()
        if (!socket.destroyed) await once(socket, 'close')
      },
    ),
    { numRuns: 60 },
  )
  expect(sessions.length).toBe(before)
  expect(server.logged.filter(({ level }) => level === 'error')).toEqual([])
}, 60_000)
