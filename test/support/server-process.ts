import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface ServerCommand {
  readonly program: string
  readonly args: (port: number) => readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export interface ServerProcess extends AsyncDisposable {
  readonly port: number
}

const startTries = 5
const readyMsMax = 60_000

/** Between our choice of a free port and the server's use of it another may take it: then once more. */
export async function startServerProcess({ program, args, cwd, env }: ServerCommand): Promise<ServerProcess> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort()
    let said = ''
    const child = spawn(program, args(port), {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: env ?? process.env,
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)))
    if (await isReady(child, port)) return { port, [Symbol.asyncDispose]: () => stop(child) }
    await stop(child)
    if (tries === startTries) throw new Error(`${program} did not start: ${said}`)
  }
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const until = Date.now() + readyMsMax
  while (child.exitCode === null && Date.now() < until) {
    if (await canConnect(port)) return child.exitCode === null
    await delay(20)
  }
  return false
}

async function canConnect(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}
