import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { http } from '#base/node-http.ts'
import { deliverWebhook } from './deliver-webhook.ts'

test.each([
  [200, undefined],
  [503, 'notify.unreachable'],
  [410, 'notify.refused'],
])('an answer with status %i counts though its body never ends', async (status, code) => {
  const server = http.createServer((request, response) => {
    request.resume()
    response.writeHead(status, { 'content-length': 10 }).flushHeaders()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const delivered = deliverWebhook({
    url: `http://127.0.0.1:${port}/`,
    headers: {},
    body: '{}',
    allowsPrivate: true,
    signal: AbortSignal.timeout(4_000),
  })
  await (code === undefined
    ? expect(delivered).resolves.toBeUndefined()
    : expect(delivered).rejects.toMatchObject({ code }))
  server.closeAllConnections()
  server.close()
})
