import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { firstUnreachableFolder, unprivilegedIds } from './run-as.ts'

test('the outermost closed folder is found, for others and for its owner', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-run-as-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'a', 'b'), { recursive: true })
  await chmod(folder, 0o755)
  await chmod(join(folder, 'a'), 0o700)
  const path = join(folder, 'a', 'b', 'c')
  const stranger = { uid: 4_000_000, gid: 4_000_000 }
  expect(firstUnreachableFolder(path, stranger)).toBe(join(folder, 'a'))
  expect(firstUnreachableFolder(path, { ...stranger, uid: process.getuid?.() ?? 0 })).toBeUndefined()
  await chmod(join(folder, 'a'), 0o711)
  expect(firstUnreachableFolder(path, stranger)).toBeUndefined()
})

test('only root needs other ids, and gets none that are root’s', () => {
  const ids = unprivilegedIds()
  if (process.getuid?.() === 0) expect(ids?.uid).toBeGreaterThan(0)
  else expect(ids).toBeUndefined()
})
