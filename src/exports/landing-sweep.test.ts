import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sweepLanding } from './landing-sweep.ts'

test('what has lain there for seven days goes, and nothing younger', async () => {
  const home = mkdtempSync(join(tmpdir(), 'sluice-landing-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const now = new Date('2026-03-10T00:00:00Z')
  const put = (name: string, at: string) => {
    const path = join(home, 'landing', name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, 'x')
    utimesSync(path, new Date(at), new Date(at))
    return path
  }
  const old = put('sandbox/old/a', '2026-03-02T23:59:00Z')
  const young = put('sandbox/young/b', '2026-03-03T00:01:00Z')
  expect(await sweepLanding(home, now)).toBe(1)
  expect([existsSync(old), existsSync(young)]).toEqual([false, true])
  expect(await sweepLanding(join(home, 'nowhere'), now)).toBe(0)
})
