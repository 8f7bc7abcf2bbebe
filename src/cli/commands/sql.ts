import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import { type PlaceOption, withClient } from '../connect.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { CliHost } from '../host.ts'
import { readResults } from '../sql-results.ts'
import { printerFor, type ResultFormat } from '../sql-printer.ts'
import { createTerminal } from '../terminal.ts'
import { formatOption, homeOption, keyValues } from '../options.ts'

interface Flags extends PlaceOption {
  readonly command?: string
  readonly file?: string
  readonly database: string
  readonly format: ResultFormat
  readonly set?: Readonly<Record<string, string>>
}

export function addSql(program: Command, host: CliHost): void {
  program
    .command('sql')
    .description('run SQL: from -c, from a file, or from standard input')
    .option('-c, --command <text>', 'the statements')
    .option('-f, --file <file>', 'a file with the statements')
    .option('-d, --database <name>', 'which database: SANDBOX:NAME, or NAME in the sandbox', 'all')
    .option('--set <key=value>', 'fills the placeholder $key; repeatable', keyValues)
    .addOption(formatOption(['table', 'csv', 'json']))
    .addOption(new Option('--sandbox <name>', 'in which sandbox (default: prod)'))
    .addOption(homeOption())
    .addHelpText(
      'after',
      `
Statements are separated by semicolons; $$ … $$ blocks are one statement. All run in one session.
json writes one array a result; csv writes a header first.

Examples:
  sluice sql -c 'SELECT eventType, count(*) FROM web_events GROUP BY eventType'
  sluice sql -f examples/data-feed-setup.sql
  sluice sql -f report.sql --set day=2026-11-01 --format csv > report.csv
  sluice sql --sandbox dev -c 'SHOW TABLES'
  echo 'SELECT 1 AS one' | sluice sql --format json`,
    )
    .action(async (flags: Flags) => {
      const sql = await statements(host, flags)
      const { database, set: parameters = {} } = flags
      const [named] = database.includes(':') ? database.split(':') : []
      await withClient(host, { ...flags, sandbox: flags.sandbox ?? named }, async (client) => {
        const answer = await client.stream('/sluice/v1/sql', { sql, database, format: 'table', parameters })
        const printer = printerFor(flags.format, createTerminal(host))
        for await (const event of readResults(answer)) await printer(event)
      })
    })
}

async function statements(host: CliHost, { command, file }: Flags): Promise<string> {
  if (command !== undefined && file !== undefined) {
    throw new CliError(exitCodes.usage, 'Both -c and -f are given.', 'Give one of them.')
  }
  const sql =
    command ??
    (file === undefined
      ? await fromInput(host)
      : await readFile(resolve(host.cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw new CliError(exitCodes.unknown, `The file ${file} cannot be read (${error.code}).`)
        }))
  if (sql.trim() !== '') return sql
  throw new CliError(
    exitCodes.usage,
    'There is no statement.',
    "Say it with -c 'SELECT 1', -f FILE or on standard input.",
  )
}

async function fromInput(host: CliHost): Promise<string> {
  if (!host.stdin.isTTY) return await textOf(host.stdin)
  throw new CliError(
    exitCodes.usage,
    'There is no statement.',
    "Say it with -c 'SELECT 1', with -f FILE or on standard input. For a conversation use psql: sluice demo shows the line.",
  )
}
