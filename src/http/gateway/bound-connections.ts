import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * So many connections at most. Where the newest is turned away, whoever holds that many in silence keeps everybody out:
 * of those that wait for the head of a request, the one that has waited longest goes instead.
 */
export function boundConnections(server: Server, connectionsMax: number): void {
  const open = new Set<Socket>()
  /** By the client's address and port, which a connection and TLS on it share. */
  const waiting = new Map<string, Socket>()
  const forget = (client: string, socket: Socket): void => {
    open.delete(socket)
    if (waiting.get(client) === socket) waiting.delete(client)
  }
  server.on('connection', (socket: Socket) => {
    const client = clientOf(socket)
    open.add(socket)
    waiting.set(client, socket)
    socket.once('close', () => forget(client, socket))
    const [oldest] = open.size > connectionsMax ? waiting : []
    if (!oldest) return
    forget(...oldest)
    oldest[1].destroy()
  })
  server.on('request', ({ socket: asking }, response) => {
    const client = clientOf(asking)
    const socket = waiting.get(client)
    if (!socket) return
    waiting.delete(client)
    response.once('close', () => {
      if (open.has(socket)) waiting.set(client, socket)
    })
  })
}

function clientOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
