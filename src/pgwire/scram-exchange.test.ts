import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { scramVerifierOf } from '#access/scram.ts'
import { mockVerifiers, ScramExchange } from './scram-exchange.ts'

// RFC 7677, section 3.
const rfc = {
  password: 'pencil',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

test('the exchange printed in RFC 7677 succeeds', async () => {
  const exchange = new ScramExchange(await scramVerifierOf(rfc.password, { salt: rfc.salt }), {
    ownNonce: rfc.serverNonce,
  })
  expect(exchange.answerFirst('SCRAM-SHA-256', rfc.clientFirst)).toBe(rfc.serverFirst)
  expect(exchange.answerFinal(rfc.clientFinal)?.message).toBe(rfc.serverFinal)
})

test('another password, another nonce, another binding and a second try fail', async () => {
  const other = new ScramExchange(await scramVerifierOf('pen', { salt: rfc.salt }), {
    ownNonce: rfc.serverNonce,
  })
  other.answerFirst('SCRAM-SHA-256', rfc.clientFirst)
  expect(other.answerFinal(rfc.clientFinal)).toBeUndefined()

  const verifier = await scramVerifierOf(rfc.password, { salt: rfc.salt })
  const replayed = new ScramExchange(verifier)
  replayed.answerFirst('SCRAM-SHA-256', rfc.clientFirst)
  expect(() => replayed.answerFinal(rfc.clientFinal)).toThrow(/nonce/)

  const rebound = new ScramExchange(verifier, { ownNonce: rfc.serverNonce })
  rebound.answerFirst('SCRAM-SHA-256', rfc.clientFirst.replace('n,,', 'y,,'))
  expect(() => rebound.answerFinal(rfc.clientFinal)).toThrow(/channel binding/)

  expect(() => new ScramExchange(verifier).answerFinal(rfc.clientFinal)).toThrow(/last message/)
})

test('who binds himself to our certificate must see that one, and no other is bound', async () => {
  const verifier = await scramVerifierOf(rfc.password, { salt: rfc.salt })
  const endPoint = Buffer.from('0'.repeat(32))
  const bind = (certificate: Buffer, header = 'p=tls-server-end-point,,') =>
    rfc.clientFinal.replace('biws', Buffer.concat([Buffer.from(header), certificate]).toString('base64'))
  const first = rfc.clientFirst.replace('n,,', 'p=tls-server-end-point,,')
  const open = () => {
    const exchange = new ScramExchange(verifier, { endPoint, ownNonce: rfc.serverNonce })
    expect(exchange.mechanisms).toEqual(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'])
    return exchange
  }
  const bound = open()
  expect(bound.answerFirst('SCRAM-SHA-256-PLUS', first)).toBe(rfc.serverFirst)
  // The proof is of the exchange without it: what matters here is that it is looked at.
  expect(bound.answerFinal(bind(endPoint))).toBeUndefined()
  const between = open()
  between.answerFirst('SCRAM-SHA-256-PLUS', first)
  expect(() => between.answerFinal(bind(Buffer.alloc(32)))).toThrow(/channel binding/)
  const unbound = open()
  expect(unbound.answerFirst('SCRAM-SHA-256', rfc.clientFirst)).toBe(rfc.serverFirst)
  expect(unbound.answerFinal(rfc.clientFinal)?.message).toBe(rfc.serverFinal)
  for (const [mechanism, text] of [
    ['SCRAM-SHA-256', rfc.clientFirst.replace('n,,', 'y,,')],
    ['SCRAM-SHA-256', first],
    ['SCRAM-SHA-256-PLUS', rfc.clientFirst],
    ['SCRAM-SHA-1', rfc.clientFirst],
  ] as const) {
    expect(() => open().answerFirst(mechanism, text)).toThrow(/channel binding|SCRAM-SHA-1/)
  }
  const plain = new ScramExchange(verifier, { ownNonce: rfc.serverNonce })
  expect(plain.mechanisms).toEqual(['SCRAM-SHA-256'])
  expect(() => plain.answerFirst('SCRAM-SHA-256-PLUS', first)).toThrow(/was offered/)
  expect(plain.answerFirst('SCRAM-SHA-256', rfc.clientFirst.replace('n,,', 'y,,'))).toBe(rfc.serverFirst)
})

test('an unknown user is asked the same question every time, another one another question', () => {
  const mock = mockVerifiers()
  const salts = (user: string) =>
    /s=([^,]+)/.exec(new ScramExchange(mock(user)).answerFirst('SCRAM-SHA-256', rfc.clientFirst))?.[1]
  expect(salts('bob')).toBe(salts('bob'))
  expect(salts('bob')).not.toBe(salts('eve'))
  expect(Buffer.from(salts('bob') ?? '', 'base64')).toHaveLength(16)
})

test('any text is answered or refused as a protocol error', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.string({ maxLength: 80 }), (first, final) => {
      const exchange = new ScramExchange(mockVerifiers()('x'))
      for (const step of [
        () => exchange.answerFirst('SCRAM-SHA-256', first),
        () => exchange.answerFinal(final),
      ]) {
        try {
          step()
        } catch (error) {
          expect(error).toMatchObject({ code: 'connection.protocol' })
        }
      }
    }),
  )
})
