import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'vitest'

/** Where `npm test` installs what tests need beyond npm. */
export const toolsCache = process.env['SLUICE_TEST_CACHE'] ?? join(homedir(), '.cache', 'sluice-tests')

/** Tests with a Python environment that `npm test` installs, and with what else is said to be possible; under CI it must be there. */
export function testWithPython(name: string, isPossible = true) {
  const program = join(toolsCache, name, 'bin', 'python')
  const isMissing = !existsSync(program)
  if (isMissing && process.env['CI']) throw new Error(`Under CI ${program} must be there, and is not.`)
  return test.skipIf(isMissing || !isPossible)
}

/** Runs a script of `test/python` and gives what it prints; fails with what it says on its error output. */
export async function runPython(
  name: string,
  { script, options, env = {} }: { script: string; options: readonly string[]; env?: Record<string, string> },
): Promise<string> {
  const program = join(toolsCache, name, 'bin', 'python')
  const path = join(import.meta.dirname, '..', 'python', script)
  const { stdout } = await promisify(execFile)(program, [path, ...options], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...env },
  })
  return stdout
}
