import * as http from 'node:http'
import * as https from 'node:https'
import type { RemotePolicy } from '../remote/policy.ts'

interface HttpRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** One after the other. */
  readonly body: readonly (string | Uint8Array)[]
  readonly signal: AbortSignal
}

/** Sends requests to one endpoint, over connections that are used again. */
export interface HttpClient extends Disposable {
  /** The answer, whatever it says, as soon as its body begins. @throws the network's errors, by their codes */
  send(url: URL, request: HttpRequest): Promise<http.IncomingMessage>
}

/**
 * Node's own client: its `fetch` copies each body that is sent, and gives what it receives through two streams more, for
 * five times the processor time.
 */
export function httpClient(endpoint: string, { socketsMax }: Pick<RemotePolicy, 'socketsMax'>): HttpClient {
  const { Agent, request } = new URL(endpoint).protocol === 'https:' ? https : http
  const agent = new Agent({ keepAlive: true, maxSockets: socketsMax })
  return {
    send: async (url, { method, headers, body, signal }) => {
      const bytes = body.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
      const length = method === 'GET' ? {} : { 'content-length': String(bytes) }
      return await new Promise((resolve, reject) => {
        const asked = request(url, { method, headers: { ...headers, ...length }, agent, signal })
        asked.once('response', resolve)
        asked.on('error', reject) // Those after the answer its body tells.
        for (const piece of body) asked.write(piece)
        asked.end()
      })
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}
