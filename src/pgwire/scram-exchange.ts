import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ScramKeys, ScramVerifier } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import { malformed } from './payload-reader.ts'

const mechanismPlain = 'SCRAM-SHA-256'
const mechanismPlus = 'SCRAM-SHA-256-PLUS'

/**
 * The server's side of SCRAM-SHA-256 (RFC 5802, 7677):
 *
 *   client-first  n,,n=,r=<nonce>                 → server-first  r=<nonce+ours>,s=<salt>,i=<iterations>
 *   client-final  c=biws,r=<nonce+ours>,p=<proof> → server-final  v=<signature>
 *
 * With channel binding the first begins with `p=tls-server-end-point`, and `c` says by what certificate the client sees us:
 * whoever stands between us with a certificate of his own cannot pass it on.
 *
 * A wrong password and an unknown user (whose verifier nobody knows the password of) fail alike, at the last step.
 */
export class ScramExchange {
  readonly #verifier: ScramVerifier
  readonly #ownNonce: string
  readonly #endPoint: Buffer | undefined
  #first:
    | { readonly binding: Buffer; readonly bare: string; readonly server: string; readonly nonce: string }
    | undefined

  /** @param endPoint of our certificate, where both sides can tell it: what the client is offered to bind to */
  constructor(
    verifier: ScramVerifier,
    {
      endPoint,
      ownNonce = randomBytes(18).toString('base64'),
    }: { readonly endPoint?: Buffer | undefined; readonly ownNonce?: string } = {},
  ) {
    this.#verifier = verifier
    this.#ownNonce = ownNonce
    this.#endPoint = endPoint
  }

  /** In the order a client should prefer them. */
  get mechanisms(): readonly string[] {
    return this.#endPoint ? [mechanismPlus, mechanismPlain] : [mechanismPlain]
  }

  /** @throws AppError 'connection.protocol' */
  answerFirst(mechanism: string, clientFirst: string): string {
    if (!this.mechanisms.includes(mechanism)) {
      throw malformed(
        `${this.mechanisms.join(' or ')} was offered, ${JSON.stringify(mechanism.slice(0, 40))} chosen`,
      )
    }
    const match =
      /^([ny],,|p=tls-server-end-point,,)((?:m=[^,]*,)?n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{1,1024})(?:,.*)?)$/.exec(
        clientFirst,
      )
    const [, header, bare, clientNonce] = match ?? []
    if (header === undefined || bare === undefined || clientNonce === undefined) {
      throw malformedScram('its first message')
    }
    if (bare.startsWith('m=')) throw malformedScram('an extension it demands')
    const isBound = mechanism === mechanismPlus
    // `y`: it would bind itself, and was not told that it can: somebody in between took the offer away.
    if (header.startsWith('p') !== isBound || (header.startsWith('y') && this.#endPoint)) {
      throw malformedScram('the channel binding')
    }
    const nonce = `${clientNonce}${this.#ownNonce}`
    const { salt, iterations } = this.#verifier
    const server = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
    const binding = Buffer.concat([
      Buffer.from(header),
      ...(isBound && this.#endPoint ? [this.#endPoint] : []),
    ])
    this.#first = { binding, bare, server, nonce }
    return server
  }

  /**
   * The last message when the client knows the password, and the stored key of that password; else undefined.
   * @throws AppError 'connection.protocol'
   */
  answerFinal(clientFinal: string): { readonly message: string; readonly storedKey: Buffer } | undefined {
    const first = this.#first
    const match = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/]{43}=)$/.exec(clientFinal)
    const [, withoutProof, binding, nonce, proofText] = match ?? []
    if (!first || withoutProof === undefined || binding === undefined || proofText === undefined) {
      throw malformedScram('its last message')
    }
    if (nonce !== first.nonce) throw malformedScram('the nonce')
    if (!Buffer.from(binding, 'base64').equals(first.binding)) throw malformedScram('the channel binding')
    const authMessage = `${first.bare},${first.server},${withoutProof}`
    const proof = Buffer.from(proofText, 'base64')
    // Both are always tried: how long it takes tells nothing.
    const { previous = this.#verifier } = this.#verifier
    const [now, earlier] = [this.#verifier, previous].map((keys) => answerTo(proof, authMessage, keys))
    return now ?? earlier
  }
}

/** The server's last message, when the proof was made with the password of these keys. */
function answerTo(
  proof: Buffer,
  authMessage: string,
  { storedKey, serverKey }: ScramKeys,
): { readonly message: string; readonly storedKey: Buffer } | undefined {
  const clientSignature = hmac(storedKey, authMessage)
  const clientKey = Buffer.from(proof.map((byte, index) => byte ^ (clientSignature[index] ?? 0)))
  const isRight = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey)
  const signature = hmac(serverKey, authMessage).toString('base64')
  return isRight ? { message: `v=${signature}`, storedKey } : undefined
}

/** As many as `access` uses for real users. */
const mockIterations = 4096

/**
 * Makes verifiers for users that do not exist: the same salt for the same name every time, as a real user has, so that
 * asking twice does not tell.
 */
export function mockVerifiers(secret: Buffer = randomBytes(32)): (user: string) => ScramVerifier {
  return (user) => ({
    iterations: mockIterations,
    salt: hmac(secret, `salt:${user}`).subarray(0, 16),
    storedKey: hmac(secret, `stored:${user}`),
    serverKey: hmac(secret, `server:${user}`),
  })
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function malformedScram(what: string): AppError {
  return new AppError('connection.protocol', `SCRAM-SHA-256 as RFC 7677 has it was expected; ${what} is not.`)
}
