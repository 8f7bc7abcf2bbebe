import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { distinctlyNamed } from '#types/distinct-names.ts'
import type { QuerySession } from '#query/query.ts'
import { type Field, structType } from '#types/data-type.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { parameterValues } from './parameter-values.ts'
import { orNull, requestOf } from './request.ts'

const pullLimit = { rowCountMax: 2_048, bytesMax: 256 * 1024 }
/** The answer is one document: larger results have POST /sluice/v1/results. */
const resultBytesMax = 32 * 1024 * 1024
const descriptionBytesMax = 1_000

const body = z.looseObject({
  dbName: z.string().min(1).max(200).describe('`<sandbox>:<database>.<schema>` or `<sandbox>:all`'),
  sql: orNull(z.string().min(1).max(1_000_000)),
  templateId: orNull(z.string().max(100)).describe('Instead of sql'),
  templateID: orNull(z.string().max(100)).describe('The same, as it is also written'),
  name: orNull(z.string().max(255)),
  description: orNull(
    z.string().refine((text) => Buffer.byteLength(text) <= descriptionBytesMax, 'At most 1000 bytes'),
  ),
  queryParameters: parameterValues.nullish(),
})

const answer = z.looseObject({
  queryId: z.string(),
  resultsMeta: z.looseObject({ _adhoc: z.looseObject({ type: z.literal('object') }) }),
  results: z.array(z.record(z.string(), z.unknown())),
  request: z.looseObject({}),
})

export function addAcceleratedQueries(app: App, { query }: HttpDependencies): void {
  app.post(
    '/accelerated-queries',
    {
      config: guarded('query', 'manage-queries'),
      schema: {
        tags: ['Query Service'],
        summary: 'Run one SELECT and get its rows in the answer',
        body,
        response: { 200: answer },
      },
      onSend: async (request, reply, payload) => {
        if (typeof payload !== 'string' || !takesGzip(request.headers['accept-encoding'])) return payload
        void reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding')
        return await compressed(payload)
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { dbName, sql, name, description } = request.body
      const wanted = requestOf(caller, request.body)
      const { templateId } = wanted
      const text = await query.textOf(caller, wanted)
      await using session = await query.openSession({ caller, database: wanted.database, client: 'API' })
      const { queryId, columns, results } = await rowsOf(session, text, signalOf(reply))
      return {
        queryId,
        resultsMeta: {
          _adhoc: {
            type: 'object' as const,
            'meta:xdmType': 'object',
            properties: xdmProperties(structType(columns)),
          },
        },
        results,
        request: { dbName, ...(sql === undefined ? { templateId } : { sql }), name, description },
      }
    },
  )
}

async function rowsOf(
  session: QuerySession,
  text: string,
  signal: AbortSignal,
): Promise<{ queryId: string; columns: readonly Field[]; results: Record<string, unknown>[] }> {
  const statements = await session.parse(text)
  const [statement] = statements
  if (!statement || statements.length > 1 || statement.kind !== 'query') {
    throw new AppError('query.unsupported', 'An accelerated query is one SELECT.')
  }
  let queryId = ''
  const options = {
    parameters: [],
    encoding: () => ({ kind: 'jsonRows' }) as const,
    onRecorded: (id: string) => void (queryId = id),
    signal,
  }
  for await (const result of session.execute(statement, options)) {
    if (result.kind !== 'rows') continue
    await using rows = result.rows
    const columns = distinctlyNamed(result.columns)
    const results: Record<string, unknown>[] = []
    for (let bytes = 0; ;) {
      const chunk = await rows.pull(pullLimit)
      bytes += chunk.bytes.byteLength
      if (bytes > resultBytesMax) {
        throw new AppError('query.limit', 'The rows are too many for one answer.', {
          hint: 'Ask for fewer, or use POST /sluice/v1/results.',
        })
      }
      for (const line of Buffer.from(chunk.bytes).toString('utf8').split('\n')) {
        if (line === '') continue
        const values = exactly(line) as unknown[]
        results.push(Object.fromEntries(columns.map(({ name }, index) => [name, values[index]])))
      }
      if (chunk.state === 'done') return { queryId, columns, results }
    }
  }
  return { queryId, columns: [], results: [] }
}

/** What TypeScript's library of this target does not know yet. */
const exact = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): unknown
}

/** Numbers stay as the engine wrote them, also those too long for JavaScript. */
function exactly(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exact.rawJSON(source) : value,
  )
}

const compressed = promisify(gzip)

function takesGzip(accepted: string | readonly string[] | undefined): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|\s|$))/i.test(String(accepted ?? ''))
}
