import { connect as connectTcp } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  bare,
  bind,
  cancelRequest,
  close,
  describe as describeMessage,
  errorFields,
  execute,
  flush,
  int16,
  int32,
  message,
  parse,
  query,
  rowTexts,
  startup,
  sync,
  terminate,
  types,
  WireClient,
} from '../../test/support/wire-client.ts'
import { eventually, loneBell, wireServer } from '../../test/support/wire-server.ts'
import { isOwnAddress } from './server.ts'

const sslRequest = bare(int32(80877103))
const gssRequest = bare(int32(80877104))

describe('signing in', () => {
  test('a client with the right password gets keys, parameters and a ready session', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port, { parameters: { application_name: 'tests' } })
    expect(client.backendKey?.secret).toHaveLength(4)
    expect(client.parameters.get('server_version')).toBe('16.14')
    expect(client.parameters.get('DateStyle')).toBe('ISO, MDY')
    expect(server.query.sessions[0]).toMatchObject({ database: 'all', client: 'tests' })
  })

  test('TLS is spoken when asked for, GSS encryption is declined first', async () => {
    await using server = await wireServer()
    await using client = await WireClient.connect(server.port)
    client.send(gssRequest)
    expect((await client.rawBytes(1)).toString()).toBe('N')
    expect(await client.encrypt()).toBe('S')
    client.send(startup({ user: 'ann' }))
    await client.signIn('secret')
    expect(types(await client.untilReady())).toMatch(/^RRKS+Z$/)
  })

  test('bytes that came with the request for TLS are not taken as if they were encrypted', async () => {
    await using server = await wireServer()
    await using client = await WireClient.connect(server.port)
    client.send(sslRequest, startup({ user: 'ann' }))
    const [error] = await client.untilEnd()
    expect(errorFields(error!)).toMatchObject({ S: 'FATAL', C: '08P01' })
  })

  test('a wrong password and an unknown user are answered alike', async () => {
    await using server = await wireServer()
    const answers = []
    for (const [user, password] of [
      ['ann', 'wrong'],
      ['bob', 'secret'],
    ] as const) {
      await using client = await WireClient.connect(server.port)
      client.send(startup({ user }))
      await client.signIn(password)
      const messages = await client.untilEnd()
      answers.push({ types: types(messages), fields: errorFields(messages[0]!) })
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.fields).toMatchObject({ C: '28P01' })
  })

  test('a client beyond this machine must encrypt', async () => {
    await using server = await wireServer({ allowsPlainText: () => false })
    await using open = await WireClient.connect(server.port)
    open.send(startup({ user: 'ann' }))
    expect(errorFields((await open.untilEnd())[0]!)).toMatchObject({ C: '28000' })
    await using encrypted = await WireClient.connect(server.port)
    await encrypted.encrypt()
    encrypted.send(startup({ user: 'ann' }))
    await encrypted.signIn('secret')
    await encrypted.untilReady()
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].every(isOwnAddress)).toBe(true)
    expect(['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', undefined].some(isOwnAddress)).toBe(false)
  })

  test('a newer minor version is negotiated down, another major one refused', async () => {
    await using server = await wireServer()
    await using newer = await WireClient.connect(server.port)
    newer.send(startup({ user: 'ann', '_pq_.later': '1' }, (3 << 16) | 2))
    const negotiation = await newer.expect('v')
    expect(negotiation.payload.readInt32BE(0)).toBe(3 << 16)
    expect(negotiation.payload.subarray(8).toString()).toBe('_pq_.later\0')
    await newer.signIn('secret')
    await newer.untilReady()
    await using older = await WireClient.connect(server.port)
    older.send(startup({ user: 'ann' }, 2 << 16))
    expect(errorFields((await older.untilEnd())[0]!)).toMatchObject({ C: '0A000' })
  })

  test('a sandbox that is not open to the user ends the connection with its reason', async () => {
    await using server = await wireServer()
    await using client = await WireClient.connect(server.port)
    client.send(startup({ user: 'ann', database: 'stage:all' }))
    await client.signIn('secret')
    const messages = await client.untilEnd()
    expect(errorFields(messages.at(-1)!)).toMatchObject({ S: 'FATAL', C: '42501' })
  })

  test('a session too many is refused, and its place is free again when one ends', async () => {
    await using server = await wireServer({ sessionsMax: 1 })
    await using first = await WireClient.signedIn(server.port)
    await using second = await WireClient.connect(server.port)
    second.send(startup({ user: 'ann' }))
    await second.signIn('secret')
    expect(errorFields((await second.untilEnd()).at(-1)!)).toMatchObject({
      C: '53400',
      M: expect.stringMatching(/^Session Limit Reached/),
    })
    first.send(terminate)
    await first.untilEnd()
    await eventually(() => server.query.counts.sessions === 0)
    await using _third = await WireClient.signedIn(server.port)
  })

  test('a client that does not sign in within the time is cut off', async () => {
    await using server = await wireServer({ startupTimeoutMs: 50 })
    await using silent = await WireClient.connect(server.port)
    await using halfway = await WireClient.connect(server.port)
    halfway.send(startup({ user: 'ann' }))
    expect(await silent.untilEnd()).toEqual([])
    expect(types(await halfway.untilEnd())).toBe('R')
  })

  test.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a huge length', Buffer.concat([int32(2 ** 31 - 1), Buffer.alloc(100)])],
    ['a negative length', int32(-5)],
    ['parameters without end', bare(int32(3 << 16), Buffer.from('user'))],
    ['no user', startup({ database: 'prod:all' })],
    ['zeros', Buffer.alloc(64)],
  ])('%s from a stranger ends only his connection', async (_name, bytes) => {
    await using server = await wireServer()
    await using stranger = await WireClient.connect(server.port)
    stranger.send(bytes)
    await stranger.untilEnd()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('rows 1'))
    expect(types(await client.untilReady())).toBe('TDCZ')
  })

  test('a stranger may not send a large message before he is known', async () => {
    await using server = await wireServer()
    await using client = await WireClient.connect(server.port)
    client.send(startup({ user: 'ann' }))
    await client.expect('R')
    client.send(message('p', Buffer.alloc(20_000)))
    expect(errorFields((await client.untilEnd())[0]!)).toMatchObject({ C: '08P01' })
  })
})

describe('simple queries', () => {
  test('several statements answer in order; the first that fails ends the rest', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('rows 2; insert; rows 1'))
    expect(types(await client.untilReady())).toBe('TDDCCTDCZ')
    client.send(query('rows 1; fail; rows 1'))
    expect(types(await client.untilReady())).toBe('TDCEZ')
    client.send(query(' ; '))
    expect(types(await client.untilReady())).toBe('IZ')
  })

  test('an error says where in characters, and what to do', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('set name 😀😀; fail there'))
    const error = (await client.untilReady()).find(({ type }) => type === 'E')!
    // Two characters that are two UTF-16 units each stand before it.
    expect(errorFields(error)).toMatchObject({ C: '42P01', P: '19', H: 'Name another.' })
  })

  test('an unexpected error tells nothing of the inside, and is logged', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('crash'))
    const [error] = await client.untilReady()
    expect(errorFields(error!)).toMatchObject({ C: 'XX000' })
    expect(error?.payload.toString()).not.toContain('/var/lib')
    expect(server.logged).toContainEqual({ level: 'error', event: 'pgwire.internal' })
  })

  test('a block gives all its results, and notices come in their place', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('block 1 2; notice hello'))
    const messages = await client.untilReady()
    expect(types(messages)).toBe('TDCTDDCCNCZ')
    expect(errorFields(messages.find(({ type }) => type === 'N')!)).toMatchObject({ S: 'NOTICE', M: 'hello' })
  })

  test('a changed property that drivers follow is reported', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('set application_name other'))
    expect(types(await client.untilReady())).toBe('CSZ')
    expect(client.parameters.get('application_name')).toBe('other')
  })

  test('in a transaction an error holds until its end, and COMMIT then says ROLLBACK', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    const status = async (sql: string) => {
      client.send(query(sql))
      const messages = await client.untilReady()
      const first = messages[0]!
      const said = first.type === 'E' ? errorFields(first)['C'] : first.payload.toString().replace('\0', '')
      return [said, messages.at(-1)!.payload.toString()]
    }
    expect(await status('begin')).toEqual(['BEGIN', 'T'])
    expect(await status('insert')).toEqual(['INSERT 0 3', 'T'])
    expect(await status('fail')).toEqual(['42P01', 'E'])
    expect(await status('insert')).toEqual(['25P02', 'E'])
    expect(await status('commit')).toEqual(['ROLLBACK', 'I'])
    expect(await status('insert')).toEqual(['INSERT 0 3', 'I'])
  })
})

describe('the extended protocol', () => {
  test('a row limit suspends the portal, and asking again goes on to the last row', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('rows 5'), describeMessage('S'), bind(), describeMessage('P'), execute(2), flush)
    for (const type of '1tT2TDDs') await client.expect(type)
    client.send(execute(2), execute(2), sync)
    const messages = await client.untilReady()
    expect(types(messages)).toBe('DDsDCZ')
    expect(messages[4]?.payload.toString()).toBe('SELECT 1\0')
    expect(server.query.counts).toMatchObject({ rowsMade: 5, disposed: 1 })
  })

  test('no row is lost or doubled at any fetch size', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    for (const size of [1, 7, 100, 2047, 2048, 2049, 5000, 6000]) {
      client.send(parse('rows 5000'), bind({ portal: 'p' }), flush)
      await client.expect('1')
      await client.expect('2')
      const seen: number[] = []
      for (let isOver = false; !isOver;) {
        client.send(execute(size, 'p'), flush)
        let count = 0
        for (;;) {
          const got = await client.next()
          if (got?.type === 'D') {
            seen.push(Number(rowTexts(got)[0]))
            count += 1
            continue
          }
          isOver = got?.type === 'C'
          expect(got?.type).toBe(isOver ? 'C' : 's')
          break
        }
        expect(count).toBeLessThanOrEqual(size)
      }
      expect(seen).toEqual(Array.from({ length: 5000 }, (_, index) => index))
      client.send(close('P', 'p'), sync)
      expect(types(await client.untilReady())).toBe('3Z')
    }
  })

  test('statements sent ahead are answered in order, each Sync on its own', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    const one = (sql: string) => [parse(sql), bind(), execute(), sync]
    client.send(...one('rows 1'), ...one('fail'), ...one('insert'))
    const all = [
      ...(await client.untilReady()),
      ...(await client.untilReady()),
      ...(await client.untilReady()),
    ]
    expect(types(all)).toBe('12DCZ12EZ12CZ')
  })

  test('after an error everything up to Sync is skipped', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('fail'), bind(), execute(), parse('insert'), bind(), execute(), query('rows 1'), sync)
    expect(types(await client.untilReady())).toBe('12EZ')
  })

  test('parameters come as text and binary, of the declared type or the one inferred', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(
      parse('echo a b c', { oids: [20, 0, 25] }),
      describeMessage('S'),
      bind({ values: [Buffer.from('00000000000000ff', 'hex'), Buffer.from('x'), null], formats: [1, 0, 0] }),
      execute(),
      sync,
    )
    const messages = await client.untilReady()
    expect(types(messages)).toBe('1tT2DCZ')
    expect(messages[1]?.payload).toEqual(Buffer.concat([int16(3), int32(20), int32(25), int32(25)]))
    expect(rowTexts(messages[4]!)).toEqual(['255', 'x', null])
  })

  test('parameters that are declared and not used have values all the same', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(
      parse('rows 1', { oids: [25, 23, 0] }),
      describeMessage('S'),
      bind({ values: [Buffer.from('x'), Buffer.from('1'), Buffer.from('y')] }),
      execute(),
      sync,
    )
    const messages = await client.untilReady()
    expect(types(messages)).toBe('1tT2DCZ')
    expect(messages[1]?.payload).toEqual(Buffer.concat([int16(3), int32(25), int32(23), int32(25)]))
  })

  test.each([
    ['a portal that is not there', execute(0, 'nothing'), '34000'],
    ['a statement that is not there', bind({ statement: 'nothing' }), '26000'],
    ['two statements at once', parse('rows 1; rows 2'), '42601'],
    ['too few parameters', Buffer.concat([parse('echo a b'), bind({ values: [Buffer.from('x')] })]), '08P01'],
    ['a type we do not take', parse('echo a', { oids: [600] }), '0A000'],
    [
      'formats that do not fit',
      Buffer.concat([parse('rows 1'), bind({ resultFormats: [1, 1, 1] })]),
      '08P01',
    ],
    ['a function call', message('F', int32(1), Buffer.alloc(6)), '0A000'],
  ])('%s is an error, and the session goes on', async (_name, bytes, sqlState) => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(bytes, sync)
    const messages = await client.untilReady()
    expect(errorFields(messages.find(({ type }) => type === 'E')!)['C']).toBe(sqlState)
    if (messages.length < 2) return
    client.send(query('rows 1'), sync)
    await client.untilReady()
  })

  test('there may be as many parameters and columns as the protocol can count', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse(`echo ${'$1 '.repeat(65_535)}`), describeMessage('S'), sync)
    const [, parameters, columns] = await client.untilReady()
    expect([parameters!.type, parameters!.payload.readUInt16BE()]).toEqual(['t', 65_535])
    expect([columns!.type, columns!.payload.readUInt16BE()]).toEqual(['T', 65_535])
  })

  test('DEALLOCATE ends a statement the protocol prepared', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('rows 1', { name: 's1' }), sync)
    await client.untilReady()
    client.send(query('deallocate s1'))
    expect(types(await client.untilReady())).toBe('CZ')
    client.send(bind({ statement: 's1' }), sync)
    expect(types(await client.untilReady())).toBe('EZ')
  })

  test('DISCARD ends them only when it is ALL', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('rows 1', { name: 's1' }), sync)
    await client.untilReady()
    for (const [what, after] of [
      ['temp', '2Z'],
      ['all', 'EZ'],
    ] as const) {
      client.send(query(`discard ${what}`))
      await client.untilReady()
      client.send(bind({ statement: 's1' }), sync)
      expect(types(await client.untilReady())).toBe(after)
    }
  })

  test('a portal that is open is not bound again, nor a statement prepared again, each with its own code', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('rows 1', { name: 's' }), bind({ portal: 'p', statement: 's' }))
    client.send(bind({ portal: 'p', statement: 's' }), sync)
    expect(errorFields((await client.untilReady())[2]!)['C']).toBe('42P03')
    client.send(parse('rows 1', { name: 's' }), sync)
    expect(errorFields((await client.untilReady())[0]!)['C']).toBe('42P05')
  })

  test('portals end with the transaction, prepared statements with the session, and both have a maximum', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('begin'))
    await client.untilReady()
    client.send(parse('rows 9', { name: 's' }))
    for (let index = 0; index < 10; index++) {
      client.send(bind({ portal: `p${index}`, statement: 's' }), execute(1, `p${index}`))
    }
    client.send(sync)
    expect(types(await client.untilReady())).toBe(`1${'2Ds'.repeat(10)}Z`)
    client.send(bind({ portal: 'one too many', statement: 's' }), sync)
    expect(errorFields((await client.untilReady())[0]!)['C']).toBe('53400')
    client.send(query('rollback'))
    await client.untilReady()
    expect(server.query.counts).toMatchObject({ opened: 10, disposed: 10 })
  })

  test('the texts of prepared statements have a maximum together, and one that goes makes room', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    const text = 'rows 1'.padEnd(1_000_000)
    for (let index = 0; index < 16; index++) client.send(parse(text, { name: `s${index}` }))
    client.send(sync)
    expect(types(await client.untilReady())).toBe(`${'1'.repeat(16)}Z`)
    client.send(parse(text, { name: 'one too many' }), sync)
    expect(errorFields((await client.untilReady())[0]!)).toMatchObject({
      C: '53400',
      M: expect.stringContaining('16777216 characters together'),
    })
    client.send(close('S', 's0'), parse(text, { name: 'instead' }), sync)
    expect(types(await client.untilReady())).toBe('31Z')
  })
})

describe('clients that cancel, stall or go away', () => {
  test('a cancel request with the right key stops the statement, with another it does nothing', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('wait'))
    await eventually(() => server.query.counts.opened === 1)
    const key = client.backendKey!
    const cancel = async (secret: Buffer) => {
      await using other = await WireClient.connect(server.port)
      other.send(cancelRequest({ ...key, secret }))
      expect(await other.untilEnd()).toEqual([])
    }
    await cancel(Buffer.from(key.secret.map((byte) => byte ^ 1)))
    expect(server.query.counts.aborted).toBe(0)
    await cancel(key.secret)
    expect(errorFields((await client.untilReady())[0]!)['C']).toBe('57014')
    client.send(query('rows 1'))
    expect(types(await client.untilReady())).toBe('TDCZ')
  })

  test('a cancel request goes on to the other servers only when the session is not here', async () => {
    const cancelBell = loneBell()
    await using one = await wireServer({ cancelBell })
    await using two = await wireServer({ cancelBell })
    await using client = await WireClient.signedIn(one.port)
    const key = client.backendKey!
    const cancelled = async (at: number, sent: typeof key) => {
      client.send(query('wait'))
      await eventually(() => one.query.counts.opened === one.query.counts.aborted + 1)
      await using other = await WireClient.connect(at)
      other.send(cancelRequest(sent))
      expect(await other.untilEnd()).toEqual([])
    }
    await cancelled(one.port, key)
    expect(errorFields((await client.untilReady())[0]!)['C']).toBe('57014')
    expect(cancelBell.words).toEqual([])
    await cancelled(two.port, key)
    expect(errorFields((await client.untilReady())[0]!)['C']).toBe('57014')
    expect(cancelBell.words).toHaveLength(1)
    await cancelled(two.port, { ...key, secret: Buffer.from(key.secret.map((byte) => byte ^ 1)) })
    expect([cancelBell.words.length, one.query.counts.aborted]).toEqual([2, 2])
  })

  test('a client that does not read stops production, and gets every row when it reads on', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.pause()
    // 40 MB: more than the sockets of both sides hold.
    client.send(query('rows 40000 1000'))
    const { counts } = server.query
    await eventually(() => counts.pulls > 0)
    // A server that does not wait makes them all within these looks.
    let [before, still] = [-1, 0]
    await eventually(() => {
      still = counts.rowsMade === before ? still + 1 : 0
      before = counts.rowsMade
      return still === 50
    })
    expect(counts.rowsMade).toBeLessThan(30_000)
    client.resume()
    const messages = await client.untilReady()
    expect(messages.filter(({ type }) => type === 'D')).toHaveLength(40_000)
  })

  test('what a client sends ahead waits until it has read, and others have their turn', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    await using other = await WireClient.signedIn(server.port)
    // Seven bytes that are answered with forty thousand.
    client.send(parse(`echo ${'$1 '.repeat(1_500)}`, { name: 's' }), sync)
    await client.untilReady()
    client.pause()
    const { arrayBuffers } = process.memoryUsage()
    client.send(...Array.from({ length: 5_000 }, () => describeMessage('S', 's')), sync)
    other.send(query('rows 1'))
    await other.untilReady()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(50_000_000)

    other.pause()
    other.send(query('rows 1 1000000;'.repeat(200)))
    const { counts } = server.query
    // How many have room in the sockets depends on the system.
    await eventually(() => counts.rowsMade > 1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(counts.rowsMade).toBeLessThan(50)
  })

  test('an answer is not held back for the statement sent behind it', async () => {
    await using server = await wireServer()
    await using client = await WireClient.signedIn(server.port)
    client.send(query('rows 1'), query('wait'))
    expect(types(await client.untilReady())).toBe('TDCZ')
  })

  test('a client that goes away aborts what runs for it', async () => {
    await using server = await wireServer()
    const waiting = await WireClient.signedIn(server.port)
    waiting.send(query('wait'))
    await eventually(() => server.query.counts.opened === 1)
    waiting.destroy()
    await eventually(() => server.query.counts.aborted === 1 && server.query.counts.sessions === 0)

    const stalled = await WireClient.signedIn(server.port)
    stalled.pause()
    stalled.send(query('rows 40000 1000'))
    await eventually(() => server.query.counts.pulls > 0)
    stalled.destroy()
    await eventually(() => server.query.counts.disposed === 1 && server.query.counts.sessions === 0)
    expect(server.query.counts.rowsMade).toBeLessThan(40_000)
  })

  test('a stop ends idle sessions at once and lets a running statement finish', async () => {
    await using server = await wireServer()
    await using idle = await WireClient.signedIn(server.port)
    await using busy = await WireClient.signedIn(server.port)
    busy.pause()
    busy.send(query('rows 20000 1000'))
    await eventually(() => server.query.counts.pulls > 0)
    const stopped = server.stop()
    expect(errorFields((await idle.untilEnd())[0]!)['C']).toBe('57P01')
    busy.resume()
    const messages = await busy.untilEnd()
    expect(messages.filter(({ type }) => type === 'D')).toHaveLength(20_000)
    expect(types(messages.slice(-3))).toBe('CZE')
    await stopped
  })

  test('a stop does not wait for ever', async () => {
    await using server = await wireServer({ stopTimeoutMs: 50 })
    await using client = await WireClient.signedIn(server.port)
    client.send(query('wait'))
    await eventually(() => server.query.counts.opened === 1)
    await server.stop()
    expect(server.query.counts).toMatchObject({ aborted: 1, sessions: 0 })
    const said = await client.untilEnd()
    expect(said.filter(({ type }) => type === 'E').map((error) => errorFields(error)['C'])).toEqual([
      '57P01',
      '57P01',
    ])
  })

  test('a session that is idle for too long ends, and says why; one that works does not', async () => {
    await using server = await wireServer({ sessionIdleMs: 200 })
    await using idle = await WireClient.signedIn(server.port)
    await using working = await WireClient.signedIn(server.port)
    working.send(query('wait'))
    expect(errorFields((await idle.untilEnd()).at(-1)!)).toMatchObject({
      S: 'FATAL',
      C: '53400',
      M: expect.stringMatching(/^The session was idle for 0\.2 s/),
    })
    expect(server.query.counts).toMatchObject({ opened: 1, aborted: 0, sessions: 1 })
  })

  test('one that stops in the midst of a statement ends, too', async () => {
    await using server = await wireServer({ sessionIdleMs: 200 })
    await using client = await WireClient.signedIn(server.port)
    client.send(parse('rows 1'))
    await client.untilEnd()
    await eventually(() => server.query.counts.sessions === 0)
  })

  describe('connections beyond those that may stand there are told so', () => {
    const refused = { S: 'FATAL', C: '53400', M: expect.stringMatching(/^Session Limit Reached/) }
    const standing = async (port: number, clients: AsyncDisposableStack) => {
      const idle: WireClient[] = []
      for (let count = 0; count < 52; count++) idle.push(clients.use(await WireClient.connect(port)))
      return idle
    }

    test('in a rush the newest', async () => {
      await using server = await wireServer({ sessionsMax: 1, patienceMs: 60_000 })
      await using clients = new AsyncDisposableStack()
      const idle = await standing(server.port, clients)
      expect(errorFields((await idle[51]!.untilEnd()).at(-1)!)).toMatchObject(refused)
    })

    test('later the oldest', async () => {
      await using server = await wireServer({ sessionsMax: 1, patienceMs: 0 })
      await using clients = new AsyncDisposableStack()
      const idle = await standing(server.port, clients)
      expect(errorFields((await idle[0]!.untilEnd()).at(-1)!)).toMatchObject(refused)
      await using client = await WireClient.signedIn(server.port)
      client.send(query('rows 1'))
      expect(types(await client.untilReady())).toBe('TDCZ')
    })
  })

  test('connections that only stand there do not keep others out', async () => {
    await using server = await wireServer({ sessionsMax: 2 })
    const idle = Array.from({ length: 40 }, () => connectTcp({ host: '127.0.0.1', port: server.port }))
    await using client = await WireClient.signedIn(server.port)
    client.send(query('rows 1'))
    expect(types(await client.untilReady())).toBe('TDCZ')
    for (const socket of idle) socket.destroy()
  })
})
