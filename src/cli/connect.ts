import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '#base/errors.ts'
import { codeOf } from '#base/system-error.ts'
import { type Config, loadConfig } from '#config/config.ts'
import { homePaths } from '#config/home.ts'
import { type Client, createClient, type Credentials } from './client.ts'
import { CliError, exitCodes } from './exit-code.ts'
import type { CliHost } from './host.ts'
import { findServer } from './server-file.ts'
import { createTerminal } from './terminal.ts'

export interface HomeOption {
  readonly home?: string | undefined
}

export interface PlaceOption extends HomeOption {
  readonly sandbox?: string | undefined
}

export function configOf(host: CliHost, flags: Readonly<Record<string, unknown>>): Config {
  return loadConfig({ flags, env: host.env, cwd: host.cwd })
}

/** How long a command waits for another one's private server to end. */
const waitMs = 600_000
const lookEveryMs = 200

/** Calls with a client of the server that runs on the home, or of a private one for as long as the call takes. */
export async function withClient<T>(
  host: CliHost,
  { home, sandbox }: PlaceOption,
  work: (client: Client, config: Config) => Promise<T>,
): Promise<T> {
  const config = configOf(host, { home })
  const { signal } = host
  await using server = await findOrStart(host, config)
  const credentials = await readCredentials(config.home)
  const { http, postgres } = server
  return await work(await createClient({ http, postgres, credentials, sandbox, signal }), config)
}

/** @throws CliError 'unknown' when there are none, 'denied' when they are somebody else's */
export async function readCredentials(home: string): Promise<Credentials> {
  const path = homePaths(home).credentials
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Credentials
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') {
      throw new CliError(
        exitCodes.unknown,
        `There are no credentials in ${home} yet.`,
        'Start Sluice once: sluice serve',
      )
    }
    if (code === 'EACCES') {
      throw new CliError(
        exitCodes.denied,
        `The credentials ${path} may not be read by you.`,
        'Run the command as the user that runs Sluice.',
      )
    }
    throw error
  }
}

interface Reached extends AsyncDisposable {
  readonly http: string
  readonly postgres: string
}

async function findOrStart(host: CliHost, config: Config): Promise<Reached> {
  const until = Date.now() + waitMs
  const terminal = createTerminal(host)
  for (;;) {
    const running = await findServer(config.home)
    if (running) return { ...running, [Symbol.asyncDispose]: async () => {} }
    try {
      const started = await startPrivate(host, config)
      terminal.progress('')
      return started
    } catch (error) {
      // Another command's private server, or one that is just starting: it ends or becomes known soon.
      const isBusy = error instanceof AppError && error.code === 'home.in_use'
      if (!isBusy || Date.now() > until) throw error
      terminal.progress('Another command uses this home; waiting for its end …')
      await delay(lookEveryMs, undefined, { signal: host.signal })
    }
  }
}

/** On loopback, on ports of the system's choice, for this command alone. */
async function startPrivate(host: CliHost, config: Config): Promise<Reached> {
  const anyPort = { host: '127.0.0.1', port: 0 }
  return await host.serve({ ...config, http: anyPort, postgres: anyPort }, { isQuiet: true })
}
