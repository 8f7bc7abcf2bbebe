import { spawnSync } from 'node:child_process'
import type * as files from 'node:fs/promises'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { lockHome } from './home-lock.ts'

/** What happens between a taker's look and its try, once. */
const between = vi.hoisted((): { act: (() => Promise<void>) | undefined } => ({ act: undefined }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>()
  const link: typeof real.link = async (from, to) => {
    const { act } = between
    between.act = undefined
    await act?.()
    await real.link(from, to)
  }
  return { ...real, link }
})

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-lock-'))
})
afterAll(() => rm(folder, { recursive: true }))

let count = 0
const newLock = () => join(folder, `lock-${(count += 1)}`)
const inUse = expect.objectContaining({ code: 'home.in_use', detail: { pid: process.pid } })

async function raced(lock: string, takers: number) {
  const results = await Promise.allSettled(Array.from({ length: takers }, () => lockHome(lock)))
  return {
    winners: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    reasons: results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])),
  }
}

test('of many takers one wins and the others hear who', async () => {
  const { winners, reasons } = await raced(newLock(), 30)
  expect(winners).toHaveLength(1)
  expect(reasons).toEqual(Array.from({ length: 29 }, () => inUse))
})

test('of many takers of a dead process’s lock one wins', async () => {
  const dead = spawnSync('true').pid
  for (let round = 0; round < 10; round += 1) {
    const lock = newLock()
    await mkdir(lock)
    await writeFile(join(lock, '1'), JSON.stringify({ state: 'held', pid: dead, birth: 'x' }))
    const { winners } = await raced(lock, 30)
    expect(winners).toHaveLength(1)
  }
})

test('a lock given back is free, and one entry is all that stays', async () => {
  const lock = newLock()
  for (let round = 0; round < 3; round += 1) {
    await using _held = await lockHome(lock)
    await expect(lockHome(lock)).rejects.toEqual(inUse)
  }
  expect(await readdir(lock)).toHaveLength(1)
})

test('a number used again by another process does not hold the lock', async () => {
  const lock = newLock()
  await mkdir(lock)
  await writeFile(
    join(lock, '7'),
    JSON.stringify({ state: 'held', pid: process.pid, birth: 'an earlier boot/1' }),
  )
  await using _held = await lockHome(lock)
  expect(await readdir(lock)).toEqual(['8'])
})

test('takers who come and go never hold the lock together', async () => {
  const lock = newLock()
  let holders = 0
  let taken = 0
  let together = 0
  const taker = async () => {
    for (let round = 0; round < 40; round += 1) {
      const held = await lockHome(lock).catch(() => undefined)
      if (!held) continue
      holders += 1
      taken += 1
      together = Math.max(together, holders)
      await readdir(lock)
      holders -= 1
      await held[Symbol.asyncDispose]()
    }
  }
  await Promise.all(Array.from({ length: 16 }, taker))
  expect(together).toBe(1)
  expect(taken).toBeGreaterThan(1)
})

test('a taker who looked before others came and went does not win over who holds the lock now', async () => {
  const lock = newLock()
  await using stack = new AsyncDisposableStack()
  between.act = async () => {
    await (await lockHome(lock))[Symbol.asyncDispose]()
    stack.use(await lockHome(lock))
  }
  await expect(lockHome(lock)).rejects.toEqual(inUse)
})
