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
  const exchange = new ScramExchange(await scramVerifierOf(rfc.password, { salt: rfc.salt }), rfc.serverNonce)
  expect(exchange.answerFirst(rfc.clientFirst)).toBe(rfc.serverFirst)
  expect(exchange.answerFinal(rfc.clientFinal)?.message).toBe(rfc.serverFinal)
})

test('another password, another nonce, another binding and a second try fail', async () => {
  const other = new ScramExchange(await scramVerifierOf('pen', { salt: rfc.salt }), rfc.serverNonce)
  other.answerFirst(rfc.clientFirst)
  expect(other.answerFinal(rfc.clientFinal)).toBeUndefined()

  const verifier = await scramVerifierOf(rfc.password, { salt: rfc.salt })
  const replayed = new ScramExchange(verifier)
  replayed.answerFirst(rfc.clientFirst)
  expect(() => replayed.answerFinal(rfc.clientFinal)).toThrow(/nonce/)

  const rebound = new ScramExchange(verifier, rfc.serverNonce)
  rebound.answerFirst(rfc.clientFirst.replace('n,,', 'y,,'))
  expect(() => rebound.answerFinal(rfc.clientFinal)).toThrow(/channel binding/)

  expect(() => new ScramExchange(verifier).answerFinal(rfc.clientFinal)).toThrow(/last message/)
})

test('an unknown user is asked the same question every time, another one another question', () => {
  const mock = mockVerifiers()
  const salts = (user: string) =>
    /s=([^,]+)/.exec(new ScramExchange(mock(user)).answerFirst(rfc.clientFirst))?.[1]
  expect(salts('bob')).toBe(salts('bob'))
  expect(salts('bob')).not.toBe(salts('eve'))
  expect(Buffer.from(salts('bob') ?? '', 'base64')).toHaveLength(16)
})

test('any text is answered or refused as a protocol error', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.string({ maxLength: 80 }), (first, final) => {
      const exchange = new ScramExchange(mockVerifiers()('x'))
      for (const step of [() => exchange.answerFirst(first), () => exchange.answerFinal(final)]) {
        try {
          step()
        } catch (error) {
          expect(error).toMatchObject({ code: 'connection.protocol' })
        }
      }
    }),
  )
})
