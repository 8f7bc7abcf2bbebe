import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll } from 'vitest'
import { toolsCache } from './python.ts'

/** The text of its answer, which may have numbers that only text keeps. @throws what the script failed with */
export type Ask = (options: readonly string[]) => Promise<string>

/**
 * A script of `test/python` that answers many times (`serve.py`): one process for all tests of a file, from the first
 * question until its end.
 */
export function pythonService(name: string, script: string): Ask {
  let child: ChildProcess | undefined
  let lines: AsyncIterator<string> | undefined
  let log = ''
  let last: Promise<unknown> = Promise.resolve()
  afterAll(() => child?.kill())

  function start(): AsyncIterator<string> {
    const path = join(import.meta.dirname, '..', 'python', script)
    const { stdin, stdout, stderr } = (child = spawn(join(toolsCache, name, 'bin', 'python'), [path]))
    stdin.on('error', () => {}) // Its end is told by its output's.
    stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-20_000)))
    return createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  async function ask(options: readonly string[]): Promise<string> {
    lines ??= start()
    child?.stdin?.write(`${JSON.stringify(options)}\n`)
    const line = await lines.next()
    if (line.done === true) throw new Error(`${script} ended.\n${log}`)
    const [, kind, text = ''] = /^\{"(answer|failure)": (.*)\}$/.exec(line.value) ?? []
    if (kind === 'answer') return text
    throw new Error(kind === 'failure' ? (JSON.parse(text) as string) : `${script}: ${line.value}`)
  }

  return async (options) => {
    const answer = last.then(async () => await ask(options))
    last = answer.catch(() => {})
    return await answer
  }
}
