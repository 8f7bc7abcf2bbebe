import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { passableFolder } from './passable-folder.ts'
import { startProduct, type Product } from './product.ts'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface LargeUpload {
  readonly rowCount: number
  /** How far the server's memory rose above what it had before: while the file came, and while it was loaded. */
  readonly uploadRiseBytes: number
  readonly loadRiseBytes: number
}

const rowBytes = 100_000

/** Sends one file of so many bytes as it is made, and loads it. */
export async function uploadLarge(bytes: number): Promise<LargeUpload> {
  const folder = passableFolder('large-upload')
  const env = { SLUICE_LIMITS_UPLOAD_BYTES_MAX: '20GB' }
  try {
    await using product = await startProduct({ home: join(folder, 'home'), env })
    await product.run('CREATE TABLE large AS SELECT 1 AS n, cast(NULL AS string) AS filler WHERE false')
    const [datasetId = ''] = Object.keys(
      await product.call('GET', '/data/foundation/catalog/dataSets?name=large'),
    )
    const batch = await product.call<{ id: string }>('POST', '/data/foundation/import/batches', {
      datasetId,
      inputFormat: { format: 'json' },
    })
    const path = `/data/foundation/import/batches/${batch.id}`
    const rows = Math.ceil(bytes / rowBytes)
    const uploadRiseBytes = await riseOf(product, async () => {
      await send(product, `${path}/datasets/${datasetId}/files/large.json`, linesOf(rows))
    })
    const loadRiseBytes = await riseOf(product, async () => {
      await product.call('POST', `${path}?action=COMPLETE`)
      for (;;) {
        const { [batch.id]: now } = await product.call<Record<string, { status: string }>>(
          'GET',
          `/data/foundation/catalog/batches/${batch.id}`,
        )
        if (now?.status === 'success') break
        if (now?.status === 'failed') throw new Error(JSON.stringify(now))
        await delay(100)
      }
    })
    const [[count] = []] = await product.rows('SELECT count(*) FROM large')
    return { rowCount: Number(count), uploadRiseBytes, loadRiseBytes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const rowsOf = (bytes: number): number => Math.ceil(bytes / rowBytes)

function* linesOf(rows: number): Generator<Buffer> {
  const filler = 'x'.repeat(rowBytes - 40)
  for (let n = 0; n < rows; n += 1) yield Buffer.from(`{"n":${n},"filler":"${filler}"}\n`)
}

async function send(product: Product, path: string, lines: Iterable<Buffer>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = { ...product.headers, 'content-type': 'application/octet-stream' }
  const call = request(`${product.http}${path}`, { method: 'PUT', headers }, (answer) => {
    answer.resume()
    answer.once('end', () => {
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`${path}: ${answer.statusCode}`))
    })
  })
  call.once('error', reject)
  await pipeline(Readable.from(lines, { objectMode: true }), call)
  await promise
}

async function riseOf(product: Product, work: () => Promise<void>): Promise<number> {
  const before = residentBytes(product.pid)
  let peak = before
  const timer = setInterval(() => (peak = Math.max(peak, residentBytes(product.pid))), 20)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return peak - before
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}
