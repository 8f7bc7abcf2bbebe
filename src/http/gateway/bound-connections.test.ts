import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { boundConnections } from './bound-connections.ts'

async function open(listener: RequestListener) {
  const server = createServer(listener)
  boundConnections(server, 3)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const client = async (text = '') => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }
  return { client }
}

const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const said = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0])

test('clients that say nothing, or half of something, keep nobody out: the oldest of them goes', async () => {
  const { client } = await open((_request, response) => response.end('here'))
  const silent = [await client(), await client('GET / HT'), await client('GET / HTTP/1.1\r\nX: ')]
  const gone = once(silent[0]!, 'close')
  expect(await said(await client(request))).toContain('here')
  await gone
  // Who had an answer waits again, and longest by now.
  const later = await Promise.all([client(), client(), client()])
  expect(await said(await client(request))).toContain('here')
  expect(later.every((socket) => !socket.destroyed)).toBe(false)
})

test('a client that is being answered stays, however many come', async () => {
  const { client } = await open((_request, response) => void response.write('begun'))
  const answered = [await client(request), await client(request), await client(request)]
  await Promise.all(answered.map(said))
  const late = await client(request)
  await once(late, 'close')
  expect(answered.map((socket) => socket.destroyed)).toEqual([false, false, false])
})
