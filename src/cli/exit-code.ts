/** What a script may rely on; docs/reference/cli.md says the same. */
export const exitCodes = {
  done: 0,
  /** The work asked for failed: a statement, a load, a delivery, a verification. */
  failed: 1,
  usage: 2,
  /** What was named is not there: dataset, export, file, running server. */
  unknown: 3,
  denied: 4,
  /** Server, database or engine cannot be reached now. */
  unavailable: 69,
  internal: 70,
  /** The home cannot be used, a file cannot be written. */
  unusable: 73,
  /** Home or port is in use. */
  inUse: 75,
  config: 78,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends a command with a sentence and a code. */
export class CliError extends Error {
  readonly exitCode: ExitCode
  readonly hint: string | undefined

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
  }
}

/** Of what cannot be taken back. @throws CliError unless it is confirmed */
export function requireYes({ yes }: { readonly yes?: boolean }, loss: string, instead = ''): void {
  if (!yes) throw new CliError(exitCodes.usage, loss, `Say --yes if you mean it.${instead}`)
}

/** What a failure of the error table, by its code, ends a command with. */
export function exitCodeOf(code: string): ExitCode {
  if (code === 'home.in_use' || code === 'port.in_use') return exitCodes.inUse
  if (code === 'home.unusable' || code === 'metadata.newer') return exitCodes.unusable
  if (code === 'config.invalid') return exitCodes.config
  if (code === 'metadata.unavailable' || code === 'engine.unavailable') return exitCodes.unavailable
  if (code === 'internal') return exitCodes.internal
  if (code.startsWith('access.')) return exitCodes.denied
  if (code.endsWith('.unknown')) return exitCodes.unknown
  return exitCodes.failed
}
