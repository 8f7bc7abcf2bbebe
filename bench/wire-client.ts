import { once } from 'node:events'
import { Socket } from 'node:net'
import pg from 'pg'
import { bind, describe, execute, parse, query, sync } from '../test/support/wire-client.ts'

export interface Where {
  /** A name, or the folder of a unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string
  readonly database: string
}

/** Somebody who takes everything as fast as it comes and looks at none of it: what is timed is the server. */
export interface Drain extends AsyncDisposable {
  /** Bytes that came for the statement, all columns in one format. */
  bytesOf(sql: string, format: 'text' | 'binary'): Promise<number>
}

/** ReadyForQuery outside of a transaction, which ends each answer. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** Signs in as node-postgres does, then speaks the protocol itself. */
export async function drainOf(where: Where): Promise<Drain> {
  const socket = new Socket()
  const client = new pg.Client({ ...where, stream: () => socket })
  await client.connect()
  client.on('error', () => {}) // That we leave without a word.
  socket.removeAllListeners('data')
  return {
    bytesOf: (sql, format) => {
      const ask = [parse(sql), bind({ resultFormats: [1] }), describe('P'), execute(), sync]
      socket.write(format === 'text' ? query(sql) : Buffer.concat(ask))
      return untilReady(socket)
    },
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      await once(socket, 'close')
    },
  }
}

/** @throws Error for an answer that is one, as far as its first packet tells */
async function untilReady(socket: Socket): Promise<number> {
  return await new Promise((resolve, reject) => {
    let byteCount = 0
    let tail = Buffer.alloc(0)
    const take = (chunk: Buffer): void => {
      if (byteCount === 0 && chunk[0] === 0x45) reject(new Error(chunk.toString('utf8')))
      byteCount += chunk.length
      tail = Buffer.concat([tail, chunk.subarray(-ready.length)]).subarray(-ready.length)
      if (!tail.equals(ready)) return
      socket.off('data', take)
      resolve(byteCount)
    }
    socket.on('data', take)
  })
}

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
}

/** Milliseconds from a question to its rows, as so many clients of node-postgres at once see it. */
export async function latencyOf(
  where: Where,
  { clients: count, seconds, ask }: { readonly clients: number; readonly seconds: number; readonly ask: Ask },
): Promise<Latency> {
  const clients = Array.from({ length: count }, () => new pg.Client({ ...where }))
  await Promise.all(clients.map((client) => client.connect()))
  try {
    const turns = async (until: number, into: number[]): Promise<void> => {
      await Promise.all(
        clients.map(async (client) => {
          for (let turn = 0; performance.now() < until; turn++) {
            const startedAt = performance.now()
            const { rowCount } = await client.query(ask(turn))
            into.push(performance.now() - startedAt)
            if (rowCount !== 1) throw new Error(`One row was expected, ${rowCount} came.`)
          }
        }),
      )
    }
    await turns(performance.now() + 500, []) // Warm.
    const took: number[] = []
    await turns(performance.now() + seconds * 1000, took)
    took.sort((a, b) => a - b)
    const at = (share: number): number =>
      took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? NaN
    return { p50: at(0.5), p99: at(0.99), perSecond: took.length / seconds }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

/** The statement of a turn. */
export type Ask = (turn: number) => string
