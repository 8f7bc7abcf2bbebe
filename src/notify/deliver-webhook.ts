import { isIP } from 'node:net'
import { AppError } from '#base/errors.ts'
import { http, https } from '#base/node-http.ts'
import { isPublicAddress, privateAddress, publicLookup } from './public-address.ts'

const answerMsMax = 15_000
/** Of an answer nothing is of interest but its status. */
const answerBytesMax = 64 * 1024

export interface WebhookRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly allowsPrivate: boolean
  readonly signal: AbortSignal
}

/**
 * Posts once. Redirections are not followed.
 * @throws AppError 'notify.unreachable' for what may be better later, 'notify.refused' for what will not
 */
export async function deliverWebhook({
  url,
  headers,
  body,
  allowsPrivate,
  signal,
}: WebhookRequest): Promise<void> {
  const { hostname, protocol } = checkedUrl(url, allowsPrivate)
  const ask = (protocol === 'https:' ? https : http).request
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)])
  const status = await new Promise<number>((resolve, reject) => {
    const outgoing = ask(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'user-agent': 'Sluice',
        ...headers,
      },
      agent: false,
      signal: limit,
      ...(allowsPrivate ? {} : { lookup: publicLookup }),
    })
    // After the answer has begun this does nothing: its status is all that counts.
    outgoing.on('error', reject)
    outgoing.once('response', (answer) => {
      resolve(answer.statusCode ?? 0)
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength
        if (bytes > answerBytesMax) answer.destroy()
      })
      answer.once('error', () => {})
    })
    outgoing.end(body)
  }).catch((cause: unknown) => {
    signal.throwIfAborted()
    if (cause instanceof AppError) throw cause
    throw new AppError('notify.unreachable', `The webhook at ${hostname} does not answer.`, { cause })
  })
  if (status >= 200 && status < 300) return
  const isPassing = status >= 500 || status === 408 || status === 425 || status === 429
  throw new AppError(
    isPassing ? 'notify.unreachable' : 'notify.refused',
    `The webhook at ${hostname} answered with status ${status}.`,
  )
}

/** @throws AppError 'request.invalid', 'notify.refused' */
export function checkedUrl(url: string, allowsPrivate: boolean): URL {
  const parsed = URL.parse(url)
  const isWeb = parsed?.protocol === 'https:' || (allowsPrivate && parsed?.protocol === 'http:')
  if (!parsed || !isWeb || parsed.username !== '' || parsed.password !== '') {
    throw new AppError(
      'request.invalid',
      'The address of a webhook begins with https:// and holds no password.',
    )
  }
  const host = parsed.hostname.replaceAll(/^\[|\]$/g, '')
  if (!allowsPrivate && isIP(host) !== 0 && !isPublicAddress(host)) throw privateAddress(host)
  return parsed
}
