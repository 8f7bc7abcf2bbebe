import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'

/** What goes wrong on the way. */
export type Fault =
  /** Answered here; the server never hears of it. */
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** The connection breaks before the server hears of it. */
  | { readonly kind: 'reset' }
  /** The server has carried it out; the connection breaks before its answer. */
  | { readonly kind: 'lost' }
  /** The server has carried it out; this is answered in its place. */
  | { readonly kind: 'replaced'; readonly status: number; readonly body: string }
  /** No answer ever comes. */
  | { readonly kind: 'silent' }
  /** The answer comes late. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The connection breaks after some bytes of the answer's body. */
  | { readonly kind: 'truncated'; readonly afterBytes: number }
  /** No more bytes come after some of the answer's body. */
  | { readonly kind: 'stalled'; readonly afterBytes: number }
  /** One byte of the answer's body is another. */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** One byte of the request's body is another. */
  | { readonly kind: 'corrupt request'; readonly atByte: number }
  /** A header of the answer is another. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }

export interface Match {
  readonly method: string
  /** Of path and query, as they are sent. */
  readonly url?: RegExp
}

export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:…` */
  readonly endpoint: string
  /** `PUT /bucket/key?query`, in the order they came. */
  readonly requests: string[]
  /** Names of their headers. */
  readonly headers: Set<string>
  /**
   * Lets the next requests that match fail, `times` of them after `skip` that pass; rules are tried in the order they were
   * made.
   */
  fail(match: Match, fault: Fault, times?: number, skip?: number): void
  /** Runs once, after the server has carried out the next request that matches and before its answer goes on. */
  after(match: Match, act: () => Promise<void>): void
  /** Forgets every rule. */
  mend(): void
}

interface Rule {
  readonly match: Match
  readonly fault: Fault | { readonly kind: 'act'; readonly act: () => Promise<void> }
  left: number
  /** So many pass first. */
  skip: number
}

/** An HTTP proxy before a real server, for everything a network and a busy server do. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const rules: Rule[] = []
  const requests: string[] = []
  const heard = new Set<string>()
  const agent = new Agent({ keepAlive: true })

  async function carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '' } = incoming
    requests.push(`${method} ${url}`)
    for (const name of Object.keys(incoming.headers)) heard.add(name)
    const fault = faultFor(rules, method, url)
    if (fault?.kind === 'reset') return void incoming.socket.resetAndDestroy()
    if (fault?.kind === 'silent') return
    const body = await bytesOf(incoming)
    if (fault?.kind === 'status') return void outgoing.writeHead(fault.status, xml).end(errorBody(fault.code))
    if (fault?.kind === 'corrupt request') flip(body, fault.atByte)
    const answer = await ask(incoming, body)
    switch (fault?.kind) {
      case 'lost':
        await bytesOf(answer)
        return void incoming.socket.resetAndDestroy()
      case 'replaced':
        await bytesOf(answer)
        return void outgoing.writeHead(fault.status, xml).end(fault.body)
      case 'act':
        await fault.act()
        break
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
        break
      default:
        break
    }
    const headers = { ...answer.headers }
    if (fault?.kind === 'header') headers[fault.name] = fault.value
    outgoing.writeHead(answer.statusCode ?? 502, headers)
    if (fault?.kind === 'truncated' || fault?.kind === 'stalled' || fault?.kind === 'corrupt') {
      const content = await bytesOf(answer)
      if (fault.kind === 'corrupt') return void outgoing.end(flip(content, fault.atByte))
      outgoing.flushHeaders()
      outgoing.write(content.subarray(0, fault.afterBytes), () => {
        if (fault.kind === 'truncated') incoming.socket.destroy()
      })
      return
    }
    await pipeline(answer, outgoing)
  }

  async function ask(incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { hostname, port } = new URL(target)
    const asked = send({
      agent,
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers, // The host among them: it is signed.
    })
    asked.end(body)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    return answer
  }

  const server = createServer((incoming, outgoing) => {
    // A client that gives up breaks its own request, nothing else.
    carry(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    headers: heard,
    fail: (match, fault, times = 1, skip = 0) => void rules.push({ match, fault, left: times, skip }),
    after: (match, act) => void rules.push({ match, fault: { kind: 'act', act }, left: 1, skip: 0 }),
    mend: () => void rules.splice(0),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      agent.destroy()
      await once(server, 'close')
    },
  }
}

function faultFor(rules: readonly Rule[], method: string, url: string): Rule['fault'] | undefined {
  const fits = ({ match }: Rule): boolean => match.method === method && (match.url?.test(url) ?? true)
  const rule = rules.find((candidate) => candidate.left > 0 && fits(candidate))
  if (rule === undefined) return undefined
  if (rule.skip > 0) {
    rule.skip -= 1
    return undefined
  }
  rule.left -= 1
  return rule.fault
}

const xml = { 'content-type': 'application/xml' }

function errorBody(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function flip(bytes: Buffer, index: number): Buffer {
  bytes[index] = (bytes[index] ?? 0) ^ 0x01
  return bytes
}
