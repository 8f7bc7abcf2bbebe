import { readFileSync } from 'node:fs'
import { appendFile, mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readBack } from '#formats/read-back.ts'
import { ExportBed, rowsOfPart, throwAt } from '../../../test/support/exports.ts'

vi.mock('#formats/read-back.ts', { spy: true })

const rowCount = 3 * rowsOfPart + 1
const texts = { datasetFileType: 'JSON', compression: 'GZIP' }

interface Writing {
  readonly isFirst: boolean
  /** Waits until so many bytes of the file are at the destination. */
  readonly sent: (bytes: number) => Promise<void>
  readonly path: string
  readonly bytes: Buffer
}

/** An export whose engine writes each file as `write` does. */
async function openBed(write: (file: Writing) => Promise<void>, params: Record<string, string> = {}) {
  vi.mocked(readBack).mockClear()
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node({ aheadBytesMin: 1 })
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { params })
  await bed.append(dataset, 0, rowCount)
  const copy = bed.engine.copy.bind(bed.engine)
  bed.engine.copy = async (statement, options) => {
    const folder = join(bed.folder, 'made')
    await mkdir(folder, { recursive: true })
    const made = await copy(statement, { ...options, folder })
    const files = []
    let total = 0
    for (const [index, file] of made.files.entries()) {
      const path = join(options.folder, basename(file.path))
      const [before, bytes] = [total, await readFile(file.path)]
      await write({
        path,
        bytes,
        isFirst: index === 0,
        sent: (count) =>
          vi.waitFor(
            async () => {
              bed.clock.advance(20)
              expect(await stagedBytes(bed)).toBe(before + count)
            },
            { timeout: 30_000, interval: 5 },
          ),
      })
      total += bytes.length
      files.push({ ...file, path })
    }
    return { ...made, files }
  }
  return { bed, node, flowId }
}

/** What lies at the destination and is not to be seen yet. */
async function stagedBytes(bed: ExportBed): Promise<number> {
  const staged = bed.files().filter((name) => basename(name).startsWith('.'))
  const sizes = await Promise.all(staged.map(async (name) => (await stat(join(bed.destination, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function partStates(bed: ExportBed): Promise<string[]> {
  const rows = await bed.metadata.db.selectFrom('export_parts').select('state').execute()
  return rows.map(({ state }) => state).toSorted()
}

/** Of delivered lines of JSON. */
function textIds(bed: ExportBed): number[] {
  const names = bed.files().filter((name) => name.endsWith('.json.gz') && !basename(name).startsWith('.'))
  const texts = names.map((name) => gunzipSync(readFileSync(join(bed.destination, name))).toString())
  const lines = texts.flatMap((text) => text.trimEnd().split('\n'))
  return lines.map((line) => (JSON.parse(line) as { id: number }).id).toSorted((one, other) => one - other)
}

async function expectDelivered(bed: ExportBed): Promise<void> {
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount, findings: [] })
  expect([...(await bed.deliveredIds()), ...textIds(bed)]).toEqual(
    Array.from({ length: rowCount }, (_, id) => id),
  )
  await vi.waitFor(async () => expect(await stagedBytes(bed)).toBe(0), 30_000) // When it is swept.
}

test('a file goes to its destination while it is written, and is sent once', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, sent }) => {
    const half = Math.floor(bytes.length / 2)
    await appendFile(path, bytes.subarray(0, half))
    await sent(half)
    await appendFile(path, bytes.subarray(half))
    await sent(bytes.length)
    expect(bed.files().filter((name) => !basename(name).startsWith('.'))).toEqual([])
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  await expectDelivered(bed)
  expect(await partStates(bed)).toEqual(['sealed', 'sealed', 'sealed', 'sealed'])
})

test('a file is read back at its destination, once, while the next is written', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, isFirst, sent }) => {
    await appendFile(path, bytes)
    await sent(bytes.length)
    if (!isFirst) return
    await vi.waitFor(() => expect(readBack).toHaveBeenCalledTimes(1), 30_000)
    await vi.mocked(readBack).mock.results[0]?.value
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(readBack).toHaveBeenCalledTimes(4) // Before it is verified.
  await expectDelivered(bed)
})

test('bytes that the engine changed after they were sent are sent again as they are', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, isFirst, sent }) => {
    if (!isFirst) return await appendFile(path, bytes)
    const other = Buffer.from(bytes)
    other[20] = (other[20] ?? 0) ^ 0xff
    await appendFile(path, other.subarray(0, 100))
    await sent(100)
    await using handle = await open(path, 'r+')
    await handle.write(bytes, 0, bytes.length, 0)
    await sent(bytes.length)
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  await expectDelivered(bed)
  await vi.waitFor(async () => {
    expect((await partStates(bed)).filter((state) => state !== 'gone')).toHaveLength(4)
  }, 30_000)
})

test('what looks like the end of a file and is not is sent again', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, isFirst, sent }) => {
    if (!isFirst) return await appendFile(path, bytes)
    await appendFile(path, bytes.subarray(0, 50))
    await appendFile(path, 'PAR1')
    await sent(54)
    await appendFile(`${path}.other`, bytes)
    await rename(`${path}.other`, path)
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  await expectDelivered(bed)
})

test('an engine that fails while a file is sent leaves nothing at the destination', async () => {
  let isFirst = true
  const { bed, node, flowId } = await openBed(async ({ path, bytes, sent }) => {
    await appendFile(path, bytes)
    if (!isFirst) return
    isFirst = false
    await sent(bytes.length)
    throw new Error('The engine is gone.')
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  await expectDelivered(bed)
})

/** Writes each file when something of those before it, or of itself, is on record. */
async function onceIntended(bed: ExportBed, { path, bytes }: Writing): Promise<void> {
  await appendFile(path, bytes)
  await vi.waitFor(async () => {
    bed.clock.advance(20) // More than once: who looks now sleeps afterwards.
    expect((await partStates(bed)).length).toBeGreaterThan(0)
  }, 30_000)
}

test.each(['export.stage.intent', 'export.stage.middle'] as const)(
  'a sending ahead that fails at %s fails nothing',
  async (point) => {
    const { bed, node, flowId } = await openBed((file) => onceIntended(bed, file))
    throwAt(point)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
    await expectDelivered(bed)
  },
)

test('an attempt that fails when what was sent ahead is counted begins anew', async () => {
  const { bed, node, flowId } = await openBed((file) => onceIntended(bed, file))
  throwAt('export.stage.done')
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  await expectDelivered(bed)
})

test('a text goes to its destination, and is read, while it is written', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, sent }) => {
    const half = Math.floor(bytes.length / 2)
    await appendFile(path, bytes.subarray(0, half))
    await sent(half)
    await appendFile(path, bytes.subarray(half))
    await sent(bytes.length)
  }, texts)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(readBack).toHaveBeenCalledTimes(4) // Before it is verified.
  await expectDelivered(bed)
})

test('a text that the engine changed after it was read is sent and read again', async () => {
  const { bed, node, flowId } = await openBed(async ({ path, bytes, isFirst, sent }) => {
    await appendFile(path, isFirst ? Buffer.alloc(bytes.length) : bytes)
    await sent(bytes.length)
    if (!isFirst) return
    await using handle = await open(path, 'r+')
    await handle.write(bytes, 0, bytes.length, 0)
  }, texts)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(readBack).toHaveBeenCalledTimes(5) // Before it is verified.
  await expectDelivered(bed)
})

test('what was read ahead counts for the bytes that were read alone', async () => {
  let isSpoilt = true
  const { bed, node, flowId } = await openBed(async ({ path, bytes, sent }) => {
    await appendFile(path, isSpoilt ? Buffer.alloc(bytes.length) : bytes)
    if (isSpoilt) await sent(bytes.length)
    isSpoilt = false
  }, texts)
  vi.mocked(readBack).mockImplementationOnce(async (_format, bytes) => {
    let byteCount = 0
    for await (const chunk of bytes) byteCount += chunk.byteLength
    return { rowCount: rowsOfPart, bytes: byteCount, sha256: 'f'.repeat(64) }
  })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  await expectDelivered(bed)
})

test('a text that is torn is refused, though it was read ahead', async () => {
  let isTorn = true
  const { bed, node, flowId } = await openBed(async ({ path, bytes, sent }) => {
    const end = isTorn ? bytes.length - 9 : bytes.length
    await appendFile(path, bytes.subarray(0, end))
    if (isTorn) await sent(end)
    isTorn = false
  }, texts)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  await expectDelivered(bed)
})
