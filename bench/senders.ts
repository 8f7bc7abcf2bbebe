import { connect, type Socket } from 'node:net'

export interface Sent {
  readonly seconds: number
  /** In milliseconds, one a request. */
  readonly spans: readonly number[]
}

/** Of an answer; its body follows. */
const headEnd = Buffer.from('\r\n\r\n')
const statusTaken = /^HTTP\/1\.1 20[07] /
const lengthHeader = /\r\ncontent-length: (\d+)(?:\r\n|$)/i
const readBytes = 64 * 1024

/** A POST of HTTP/1.1, as its bytes. */
export function postOf({ host, pathname }: URL, body: string): Buffer {
  return Buffer.from(
    `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/**
 * Sends all requests, each sender over a connection of its own that stays open, the next one when the answer to the one
 * before is there whole. They write the bytes of HTTP/1.1 to sockets by themselves: who sends shares the processor with the
 * server that is measured, and Node's own client would take more of it than the server.
 */
export async function sendAll(url: URL, requests: readonly Buffer[], senderCount: number): Promise<Sent> {
  const spans: number[] = []
  let next = 0
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: senderCount }, async () => {
      const exchange = await connected(url)
      for (let index = next++; index < requests.length; index = next++) {
        const sentAt = performance.now()
        await exchange.send(requests[index]!)
        spans.push(performance.now() - sentAt)
      }
      exchange.end()
    }),
  )
  return { seconds: (performance.now() - startedAt) / 1000, spans }
}

interface Exchange {
  /** Resolves when its answer is there. @throws Error for one that refuses */
  send(request: Buffer): Promise<void>
  end(): void
}

async function connected({ hostname, port }: URL): Promise<Exchange> {
  const opened = Promise.withResolvers<void>()
  let answered = Promise.withResolvers<void>()
  let head: Buffer = Buffer.alloc(0)
  /** Of the answer's body, not here yet; undefined: its head is not whole. */
  let bytesLeft: number | undefined
  const fail = (error: Error) => {
    opened.reject(error)
    answered.reject(error)
  }
  const take = (piece: Buffer) => {
    if (bytesLeft === undefined) {
      head = head.byteLength === 0 ? piece : Buffer.concat([head, piece])
      const end = head.indexOf(headEnd)
      if (end < 0) {
        head = Buffer.from(head) // What it was read into is used again.
        return
      }
      const text = head.toString('latin1', 0, end)
      const length = lengthHeader.exec(text)?.[1]
      if (!statusTaken.test(text) || length === undefined) return fail(new Error(head.toString()))
      bytesLeft = Number(length) - (head.byteLength - end - headEnd.byteLength)
    } else {
      bytesLeft -= piece.byteLength
    }
    if (bytesLeft > 0) return
    head = Buffer.alloc(0)
    bytesLeft = undefined
    answered.resolve()
  }
  const socket: Socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(readBytes),
      callback: (count, bytes) => {
        take(Buffer.from(bytes.buffer, bytes.byteOffset, count))
        return true
      },
    },
  })
  socket.once('connect', opened.resolve)
  socket.once('error', fail)
  socket.once('close', () => fail(new Error('The server closed a connection.')))
  await opened.promise
  return {
    send: async (request) => {
      answered = Promise.withResolvers()
      socket.write(request)
      await answered.promise
    },
    end: () => {
      answered.promise.catch(() => {}) // That we leave is no failure.
      socket.destroy()
    },
  }
}
