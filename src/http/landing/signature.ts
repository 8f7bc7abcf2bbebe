import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { S3Error } from './s3-error.ts'
import { decoded, encoded } from './uri.ts'

/** Clocks that differ more are not believed, and what was signed is of no use later. */
const skewMsMax = 15 * 60_000
/** What a signed address may say of itself. */
const addressSecondsMax = 7 * 86_400
const algorithm = 'AWS4-HMAC-SHA256'

export interface Request {
  readonly method: string
  /** As it came, encoded, without the query. */
  readonly path: string
  /** Decoded. */
  readonly query: readonly (readonly [string, string])[]
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What a request says of who signed it, and what it would have to be signed with. */
export interface Signed {
  readonly accessKeyId: string
  readonly sessionToken: string | undefined
  readonly signature: string
  readonly textToSign: string
  /** Day, region, service and end of what the key is derived by. */
  readonly scope: readonly string[]
}

/**
 * Reads a request signed by version 4 of Amazon's signatures, in headers or in the address.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @throws S3Error for what is not signed, not well formed, too old or of the future
 */
export function readSigned(request: Request, now: Date): Signed {
  const parts =
    request.headers['authorization'] === undefined ? partsOfAddress(request) : partsOfHeader(request)
  const scope = parts.credential.split('/')
  const accessKeyId = scope.splice(0, scope.length - 4).join('/')
  const [day = '', , service, end] = scope
  if (accessKeyId === '' || service !== 's3' || end !== 'aws4_request' || !parts.time.startsWith(day)) {
    throw malformed('Its credential is KEY/DAY/REGION/s3/aws4_request.')
  }
  checkTime(parts, now)
  checkSignedHeaders(request, parts.signedHeaders)
  const canonical = [
    request.method,
    request.path.split('/').map(decoded).map(encoded).join('/'),
    canonicalQuery(request.query),
    ...parts.signedHeaders.map((name) => `${name}:${headerOf(request, name).trim().replaceAll(/ +/g, ' ')}`),
    '',
    parts.signedHeaders.join(';'),
    parts.payload,
  ].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  return {
    accessKeyId,
    sessionToken: parts.sessionToken,
    signature: parts.signature,
    textToSign: [algorithm, parts.time, scope.join('/'), digest].join('\n'),
    scope,
  }
}

/** Whether it was signed with the secret. Takes as long for every wrong one. */
export function isSignedWith({ scope, textToSign, signature }: Signed, secret: string): boolean {
  const key = scope.reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${secret}`)
  const expected = hmac(key, textToSign)
  const given = Buffer.from(signature, 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

interface Parts {
  readonly credential: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** As it was signed: 20260301T010000Z. */
  readonly time: string
  /** Of a signed address. */
  readonly seconds: number | undefined
  readonly sessionToken: string | undefined
  /** Hash of the body, as it was signed; bodies are not read. */
  readonly payload: string
}

function partsOfHeader(request: Request): Parts {
  const header = headerOf(request, 'authorization')
  const [, credential = '', names = '', signature = ''] =
    /^AWS4-HMAC-SHA256\s+Credential=([^\s,]+)\s*,\s*SignedHeaders=([^\s,]+)\s*,\s*Signature=([0-9a-f]{64})\s*$/.exec(
      header,
    ) ?? []
  if (signature === '')
    throw malformed('Sign by version 4: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=….')
  const token = request.headers['x-amz-security-token']
  return {
    credential,
    signedHeaders: names.split(';'),
    signature,
    time: headerOf(request, 'x-amz-date'),
    seconds: undefined,
    sessionToken: typeof token === 'string' ? token : undefined,
    payload: headerOf(request, 'x-amz-content-sha256'),
  }
}

function partsOfAddress({ query }: Request): Parts {
  const given = new Map(query)
  if (given.get('X-Amz-Algorithm') !== algorithm) {
    throw new S3Error('AccessDenied', 'The request is not signed. Ask for credentials of the landing zone.')
  }
  const seconds = Number(given.get('X-Amz-Expires'))
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > addressSecondsMax) {
    throw malformed(`X-Amz-Expires is from 1 to ${addressSecondsMax} seconds.`)
  }
  return {
    credential: given.get('X-Amz-Credential') ?? '',
    signedHeaders: (given.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: given.get('X-Amz-Signature') ?? '',
    time: given.get('X-Amz-Date') ?? '',
    seconds,
    sessionToken: given.get('X-Amz-Security-Token'),
    payload: 'UNSIGNED-PAYLOAD',
  }
}

function checkTime({ time, seconds }: Parts, now: Date): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? []
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(atMs)) throw malformed('X-Amz-Date is as 20260301T010000Z.')
  const ageMs = now.getTime() - atMs
  if (ageMs < -skewMsMax || (seconds === undefined && ageMs > skewMsMax)) {
    throw new S3Error('RequestTimeTooSkewed', 'The request was signed at another time than it is here.')
  }
  if (seconds !== undefined && ageMs > seconds * 1_000) {
    throw new S3Error('AccessDenied', 'The signed address has expired.')
  }
}

/** What could change the meaning of a request must be signed. */
function checkSignedHeaders({ headers }: Request, signedHeaders: readonly string[]): void {
  const mustBe = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  const missing = mustBe.find((name) => !signedHeaders.includes(name))
  if (missing !== undefined) throw new S3Error('AccessDenied', `The header ${missing} is not signed.`)
}

function canonicalQuery(query: Request['query']): string {
  return query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .toSorted(([one, first], [other, second]) => compared(one, other) || compared(first, second))
    .map((pair) => pair.join('='))
    .join('&')
}

function compared(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function headerOf({ headers }: Request, name: string): string {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function malformed(what: string): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', what)
}
