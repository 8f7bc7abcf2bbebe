import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Ids } from '../../src/base/run-as.ts'

const source = new URL('../../src/', import.meta.url).href

/** Another process that holds the metadata of a home and does statements for us. */
export interface Holder extends AsyncDisposable {
  readonly pid: number
  readonly postgresPid: number
  /** What opening said, when it was refused. */
  readonly refused: { readonly code: string; readonly message: string } | undefined
  /** Runs one statement and answers its rows. */
  run(statement: string): Promise<unknown[]>
  kill(signal: NodeJS.Signals): Promise<void>
}

/** Plain JavaScript, so that it runs from any copy of the source. */
const program = (from: string) => `
  import { createInterface } from 'node:readline'
  const [home, databaseUrl] = process.argv.slice(1)
  const { openMetadata } = await import(${JSON.stringify(`${from}metadata/open.ts`)})
  const { silentLogger } = await import(${JSON.stringify(`${from}base/log.ts`)})
  const { sql } = await import('kysely')
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n')
  try {
    await using metadata = await openMetadata({ home, databaseUrl, logger: silentLogger })
    say({ postgresPid: metadata.postgresPid })
    for await (const line of createInterface({ input: process.stdin })) {
      try { say({ rows: (await sql.raw(JSON.parse(line)).execute(metadata.db)).rows }) }
      catch (error) { say({ error: String(error), cause: String(error.cause) }) }
    }
  } catch (error) { say({ code: error.code ?? 'none', message: error.message }) }
`

export async function startHolder(options: {
  readonly home: string
  readonly ids?: Ids | undefined
  readonly databaseUrl?: string
  /** URL of another `src`, with `/` at its end. */
  readonly source?: string
}): Promise<Holder> {
  const from = options.source ?? source
  const args = [options.home, ...(options.databaseUrl === undefined ? [] : [options.databaseUrl])]
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(from), ...args], {
    ...options.ids,
    cwd: new URL('..', from),
    env: { PATH: process.env['PATH'], HOME: options.home },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse((await answers.next()).value ?? '{"code":"ended","message":""}')
  const first = await next()
  return {
    pid: child.pid ?? 0,
    postgresPid: first.postgresPid,
    refused: first.code === undefined ? undefined : first,
    run: async (statement) => {
      child.stdin.write(`${JSON.stringify(statement)}\n`)
      const answer = await next()
      if (answer.rows === undefined) throw new Error(JSON.stringify(answer))
      return answer.rows
    },
    kill: (signal) => ended(child, () => child.kill(signal)),
    [Symbol.asyncDispose]: () => ended(child, () => child.stdin.end()),
  }
}

async function ended(child: ChildProcess, act: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  act()
  await exit
}
