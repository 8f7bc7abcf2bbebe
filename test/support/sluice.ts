import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { passableFolder } from './passable-folder.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the real program as its users do and collects what it says. */
export async function sluice(
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
  child.stdin?.end(options.input)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out, err }
}

/** A folder that children under another uid may pass through, removed at the end of the test. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = passableFolder(name)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Every living process below one, itself left out. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended while we looked.
    }
  }
  const below = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}

/** Resolves when none of the processes lives; those that still do after the time are returned. */
export async function survivors(pids: readonly number[], waitMs: number): Promise<number[]> {
  const isAlive = (pid: number) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return !/^\d+ \(.*\) [ZX]/s.test(stat)
    } catch {
      return false
    }
  }
  for (const until = Date.now() + waitMs; Date.now() < until;) {
    if (!pids.some(isAlive)) return []
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return pids.filter(isAlive)
}
