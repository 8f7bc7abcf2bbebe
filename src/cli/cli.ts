import { Command, CommanderError } from 'commander'
import { AppError } from '#base/errors.ts'
import { addAudit } from './commands/audit.ts'
import { addApiClient } from './commands/client.ts'
import { addBackup } from './commands/backup.ts'
import { addConfig } from './commands/config.ts'
import { addCredentials } from './commands/credentials.ts'
import { addDataset } from './commands/dataset.ts'
import { addDemo } from './commands/demo.ts'
import { addExport } from './commands/export.ts'
import { addGroup } from './commands/group.ts'
import { addLogin } from './commands/login.ts'
import { addOrganization } from './commands/organization.ts'
import { addRole } from './commands/role.ts'
import { addSample } from './commands/sample.ts'
import { addSandbox } from './commands/sandbox.ts'
import { addMaintain } from './commands/maintain.ts'
import { addRestore } from './commands/restore.ts'
import { addServe } from './commands/serve.ts'
import { addSql } from './commands/sql.ts'
import { addStatus } from './commands/status.ts'
import { addTemplate } from './commands/template.ts'
import { addUser } from './commands/user.ts'
import { addVerify } from './commands/verify.ts'
import { CliError, exitCodeOf, exitCodes } from './exit-code.ts'
import type { CliHost } from './host.ts'
import type { SetExitCode } from './options.ts'
import { styleFor } from './terminal.ts'

export type { CliHost } from './host.ts'

/** Runs one command line; resolves with the exit code and never rejects. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  let exitCode: number = exitCodes.done
  const program = createProgram(host, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, host)
  }
}

function createProgram(host: CliHost, exit: SetExitCode): Command {
  const program = new Command('sluice')
    .description(
      'Gets customer-journey data out: queried, processed, delivered on schedule, complete exactly once.',
    )
    .version(host.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('        Each command tells what it takes with --help.')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'sluice: ')),
    })
    .exitOverride()
  program.addHelpText(
    'after',
    `
Examples:
  sluice demo                                       watch it work on real events
  sluice serve                                      serve until Ctrl-C
  sluice dataset create orders --from orders.csv    make a dataset after a file
  sluice dataset load orders orders.csv             load the file
  sluice sql -c 'SELECT count(*) FROM orders'       ask
  sluice export create nightly --dataset orders --to /data/out
  sluice export run nightly                         deliver now
  sluice verify /data/out                           check what was delivered

Without a running server, commands start a private one and stop it again.
Each command has its own help: sluice dataset load --help`,
  )
  const add = [
    addServe,
    addDemo,
    addStatus,
    addDataset,
    addSql,
    addTemplate,
    addSample,
    addExport,
    addVerify,
    addUser,
    addGroup,
    addRole,
    addSandbox,
    addApiClient,
    addLogin,
    addOrganization,
    addAudit,
    addMaintain,
    addBackup,
    addRestore,
    addCredentials,
    addConfig,
  ]
  for (const addCommand of add) addCommand(program, host, exit)
  return program
}

function report(error: unknown, host: CliHost): number {
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version are no errors.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  }
  if (host.signal.aborted) return exitCodes.interrupted
  const { red, dim } = styleFor(host.stderr, host.env)
  const say = (message: string, hint?: string) => {
    host.stderr.write(`${red('sluice:')} ${message}\n`)
    if (hint !== undefined) host.stderr.write(`        ${dim(hint)}\n`)
  }
  if (error instanceof CliError) {
    say(error.message, error.hint)
    return error.exitCode
  }
  if (error instanceof AppError) {
    const cause = error.code === 'internal' ? error.cause : undefined
    say(cause instanceof Error ? `${error.message} ${cause.message}` : error.message, error.hint)
    return exitCodeOf(error.code)
  }
  say(
    `It failed in a way nobody foresaw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
  return exitCodes.internal
}
