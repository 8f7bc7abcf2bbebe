import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number
  /** Pieces that clients sent since the last `cut`, as they came from the network. */
  readonly pieces: () => number
  /** Connections that broke so far. */
  readonly cuts: () => number
  /**
   * The connection breaks at the client's next piece number `piece` (from 0): before the server hears of it, or after,
   * so that its answers are lost. Once.
   */
  cut(piece: number, when: 'before' | 'after'): void
  /** From the client's next piece number `piece` on nothing passes any more, on that connection. */
  freeze(piece: number): void
  mend(): void
}

/** Long enough for a server on this machine to carry out what it was told. */
const carriedOutMs = 60

/** A TCP proxy that lets connections die at the moment wanted. */
export async function startCuttingProxy(target: number, at = 0): Promise<CuttingProxy> {
  let wanted: { readonly piece: number; readonly when: 'before' | 'after' | 'freeze' } | undefined
  let count = 0
  let cutCount = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target, noDelay: true })
    client.setNoDelay(true)
    let isDead = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      const isNow = wanted !== undefined && count === wanted.piece && !isDead
      count += 1
      if (!isNow || wanted === undefined) {
        if (!isDead) upstream.write(chunk)
        return
      }
      const { when } = wanted
      wanted = undefined
      isDead = true
      cutCount += 1
      if (when === 'freeze') return
      if (when === 'before') return void client.resetAndDestroy()
      upstream.write(chunk)
      setTimeout(() => client.resetAndDestroy(), carriedOutMs)
    })
    upstream.on('data', (chunk) => {
      if (!isDead) client.write(chunk)
    })
  })
  server.listen(at, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    pieces: () => count,
    cuts: () => cutCount,
    cut: (piece, when) => {
      count = 0
      wanted = { piece, when }
    },
    freeze: (piece) => {
      count = 0
      wanted = { piece, when: 'freeze' }
    },
    mend: () => {
      count = 0
      wanted = undefined
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
