import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { type AcceptLog, type AcceptLogOptions, openAcceptLog } from './accept-log.ts'
import { readSegment } from './segment.ts'

const { signal } = new AbortController()

async function open(given: Partial<AcceptLogOptions> = {}): Promise<AcceptLog> {
  const folder = given.folder ?? (await mkdtemp(join(tmpdir(), 'sluice-log-')))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return await openAcceptLog({
    folder,
    segmentBytes: 100,
    segmentMs: 3_600_000,
    bytesMax: 10_000,
    waitingBytesMax: 10_000,
    logger: silentLogger,
    ...given,
  })
}

const payload = (text: string) => Buffer.from(text.repeat(100))

test('payloads of one call are there together, or none is', async () => {
  await using log = await open({ bytesMax: 300 })
  await expect(log.append([payload('a'), payload('b'), payload('c')])).rejects.toMatchObject({
    code: 'limit.exceeded',
  })
  expect([log.bytes, log.segments]).toEqual([0, 0])
  await log.append([payload('a'), payload('b')])
  const read: string[] = []
  for await (const one of readSegment(await log.next(signal))) read.push(one.toString())
  expect(read).toEqual([payload('a').toString(), payload('b').toString()])
})

test('what waits for the disk has a bound of its own, and room again when it is written', async () => {
  await using log = await open({ waitingBytesMax: 250 })
  const first = log.append([payload('a'), payload('b')])
  await expect(log.append([payload('c')])).rejects.toMatchObject({
    code: 'limit.exceeded',
    message: expect.stringContaining('wait for the disk'),
  })
  await first
  await log.append([payload('c')])
})

test('a segment whose file cannot be removed is not the oldest for ever', async () => {
  await using log = await open()
  await log.append([payload('a')])
  const one = await log.next(signal)
  await log.append([payload('b')])
  await rm(one.path)
  await mkdir(one.path) // Nothing that removes files removes it.
  await log.remove(one)
  const other = await log.next(signal)
  expect(other.id).not.toBe(one.id)
  await log.remove(other)
  expect([log.bytes, log.segments]).toEqual([0, 0])
})

test('what is passed over waits for the next life, what is set aside for nobody', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-log-'))
  const log = await open({ folder })
  await log.append([payload('a')])
  const one = await log.next(signal)
  log.passOver(one)
  await log.append([payload('b')])
  const other = await log.next(signal)
  await log.setAside(other)
  expect([log.passedOver, log.setAsideCount, log.segments, log.bytes]).toEqual([1, 1, 1, one.bytes])
  await log[Symbol.asyncDispose]()
  expect((await readdir(folder)).toSorted()).toEqual([`${one.id}.log`, `${other.id}.log.damaged`])
  await using next = await open({ folder })
  expect((await next.next(signal)).id).toBe(one.id)
  expect([next.passedOver, next.setAsideCount, next.segments]).toEqual([0, 1, 1])
})
