import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sweepLanding } from './landing-sweep.ts'

const now = new Date('2026-03-10T00:00:00Z')

function zones() {
  const home = mkdtempSync(join(tmpdir(), 'sluice-landing-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const put = (name: string, at = '2026-03-02T23:59:00Z') => {
    const path = join(home, 'landing', name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, 'x')
    utimesSync(path, new Date(at), new Date(at))
    return path
  }
  return { home, put }
}

test('what has lain there for seven days goes, and nothing younger', async () => {
  const { home, put } = zones()
  const old = put('sandbox/old/a')
  const young = put('sandbox/young/b', '2026-03-03T00:01:00Z')
  expect(await sweepLanding(home, now)).toMatchObject({ filesRemoved: 1, filesLeft: 0 })
  expect([existsSync(old), existsSync(young)]).toEqual([false, true])
  expect(await sweepLanding(join(home, 'nowhere'), now)).toMatchObject({ filesRemoved: 0, filesLeft: 0 })
})

test('what cannot be removed is told of and keeps nothing else', async () => {
  const { home, put } = zones()
  const [kept = '', ...others] = ['a/1', 'a/2', 'b/1'].map((name) => put(name))
  const { rm } = fs.promises
  const refusing = vi.spyOn(fs.promises, 'rm').mockImplementation(async (path, options) => {
    if (path === kept) throw new Error('EACCES')
    await rm(path, options)
  })
  onTestFinished(() => {
    refusing.mockRestore()
    syncBuiltinESMExports()
  })
  syncBuiltinESMExports()
  const error = expect.objectContaining({ message: 'EACCES' }) as Error
  expect(await sweepLanding(home, now)).toEqual({ filesRemoved: 2, filesLeft: 1, error })
  expect([kept, ...others].map((path) => existsSync(path))).toEqual([true, false, false])
})
