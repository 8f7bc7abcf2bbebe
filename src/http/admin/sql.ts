import { Readable } from 'node:stream'
import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { parameterValues } from '../query/parameter-values.ts'
import { databaseName } from '../query/request.ts'
import type { Counters } from './metrics.ts'
import { type SqlFormat, sqlFormats, sqlOutput } from './sql-output.ts'

/** How much may wait for a slow client, beside what the socket holds. */
const waitingBytesMax = 64 * 1024

const sqlBody = z.strictObject({
  sql: z.string().min(1).max(1_000_000).describe('One or more statements'),
  database: z
    .string()
    .max(200)
    .default('all')
    .describe('`<sandbox>:<database>`; the sandbox is that of the header'),
  format: z.enum(sqlFormats).default('table'),
  parameters: parameterValues.default({}).describe('Values of the `$key` placeholders in the text'),
})

const contentTypes: Readonly<Record<SqlFormat, string>> = {
  table: 'application/x-ndjson',
  ndjson: 'application/x-ndjson',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  arrow: 'application/vnd.apache.arrow.stream',
}

export function addSql(app: App, dependencies: HttpDependencies, counters: Counters): void {
  const { query, fillTemplate } = dependencies
  app.post(
    '/sql',
    {
      config: guarded('sluice', 'manage-queries'),
      schema: {
        tags: ['Sluice'],
        summary: 'Run SQL and get its rows',
        description: [
          'Rows are produced as fast as they are read: a client that stops reading stops the query, one that goes away ends it.',
          '`ndjson`: an object a line. `json`: one array. `csv`: with header. `arrow`: an Arrow IPC stream.',
          '`table`: for programs that draw: lines of `{"columns":[{name,type}]}`, one array a row, `{"tag":…,"rowCount":…}` after each statement, `{"notice":…}`, and `{"error":…}` if it fails on the way.',
          'In the other formats a failure after the first bytes breaks the connection off, so that half a result is never taken for a whole one.',
        ].join('\n\n'),
        body: sqlBody,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { sql, database, format, parameters } = request.body
      const output = sqlOutput({
        open: (onNotice) =>
          query.openSession({
            caller,
            database: databaseName(caller, database),
            client: clientName(request.headers['user-agent']),
            onNotice,
          }),
        // Text without parameters is left as it is: `$key` may be meant otherwise in it.
        sql: Object.keys(parameters).length === 0 ? sql : fillTemplate(sql, parameters),
        format,
        signal: signalOf(reply),
        onRows: (rowCount, bytes) => {
          counters.count('sluice_sql_rows', { format }, rowCount)
          counters.count('sluice_sql_bytes', { format }, bytes)
        },
      })
      // What fails before the first bytes is answered with its status.
      const first = await output.next()
      const stream = Readable.from(startingWith(first, output), {
        objectMode: false,
        highWaterMark: waitingBytesMax,
      })
      return reply.type(contentTypes[format]).send(stream)
    },
  )
}

async function* startingWith<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    if (first.done) return
    yield first.value
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}

function clientName(userAgent: string | undefined): string {
  return userAgent?.startsWith('sluice-cli') ? 'Sluice CLI' : 'REST'
}
