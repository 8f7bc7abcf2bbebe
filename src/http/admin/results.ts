import { Readable } from 'node:stream'
import { z } from 'zod'
import type { Encoding, KeptResult, ResultRows } from '#query/results.ts'
import { sparkName } from '#types/data-type.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded, open } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { sendRange } from '../gateway/send-range.ts'
import { parameterValues } from '../query/parameter-values.ts'
import { databaseName } from '../query/request.ts'

const tags = ['Sluice']
const base = '/sluice/v1/results'
const manage = guarded('sluice', 'manage-queries')
const params = z.object({ id: z.string().max(100) })
const pullLimit = { rowCountMax: 2_048, bytesMax: 256 * 1024 }
const pageMax = 10_000
const pageBytesMax = 16 * 1024 * 1024
/** Small enough that a few million narrow rows are several parts: 2.5 million numbers take 7 MB. */
const partBytesDefault = 2 * 1024 * 1024

const resultShape = z.looseObject({
  id: z.string(),
  state: z.enum(['SUBMITTED', 'IN_PROGRESS', 'SUCCESS', 'FAILED', 'KILLED', 'TIMEOUT']),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rowCount: z.number(),
  parts: z.array(
    z.object({
      href: z.string().describe('Needs no token, until it expires'),
      rowCount: z.number(),
      bytes: z.number().describe('Of the Parquet file'),
    }),
  ),
  linksExpireAt: z.string(),
  expiresAt: z.string(),
  error: z.object({ message: z.string() }).optional(),
})

const formats = ['parquet', 'arrow'] as const
const linkQuery = z.object({
  format: z.enum(formats).default('parquet').describe('Of the parts that links lead to'),
  linkSeconds: z.coerce.number().int().min(1).max(86_400).default(3_600),
})

const encodings: Readonly<Record<'ndjson' | 'csv' | 'arrow', { encoding: Encoding; type: string }>> = {
  ndjson: { encoding: { kind: 'jsonLines', keepsNulls: true }, type: 'application/x-ndjson' },
  csv: { encoding: { kind: 'csv', header: true }, type: 'text/csv; charset=utf-8; header=present' },
  arrow: { encoding: { kind: 'arrow' }, type: 'application/vnd.apache.arrow.stream' },
}

export function addResults(app: App, dependencies: HttpDependencies): void {
  const { results } = dependencies.query
  app.post(
    '/results',
    {
      config: guarded('sluice', 'batch-queries'),
      schema: {
        tags,
        summary: 'Run a SELECT in the background and keep its rows',
        description:
          'There is no limit of rows. The result is read by pages, as one stream, or in parts by many readers at a time. Only who asked for it gets it.',
        body: z.strictObject({
          sql: z.string().min(1).max(1_000_000).describe('One SELECT'),
          database: z.string().max(200).default('all'),
          parameters: parameterValues.default({}),
          partBytes: z
            .int()
            .min(65_536)
            .max(1_073_741_824)
            .default(partBytesDefault)
            .describe('About how large a part is'),
        }),
        response: { 202: resultShape },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { sql, database, parameters, partBytes } = request.body
      const wanted = { database: databaseName(caller, database), sql, parameters, name: 'Result' }
      const made = await results.create(caller, wanted, { partBytes })
      return await reply
        .code(202)
        .send(document(dependencies, made, { format: 'parquet', linkSeconds: 3_600 }))
    },
  )
  app.get(
    '/results/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'State and parts of a result',
        params,
        querystring: linkQuery,
        response: { 200: resultShape },
      },
    },
    async (request) => {
      const kept = await results.get(callerOf(request), request.params.id)
      return document(dependencies, kept, request.query)
    },
  )
  app.delete(
    '/results/:id',
    {
      config: manage,
      schema: { tags, summary: 'Delete a result', params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await results.delete(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
  addRows(app, dependencies)
  addParts(app, dependencies)
}

function addRows(app: App, { query: { results } }: HttpDependencies): void {
  app.get(
    '/results/:id/rows',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Rows of a result, in its order',
        description:
          '`json`: a page `{columns, rows, start, count, totalCount, _links}`. The others are streams, of all rows from `start` on unless `limit` is given.',
        params,
        querystring: z.object({
          start: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
          limit: z.coerce
            .number()
            .int()
            .min(1)
            .optional()
            .describe(`For json at most ${pageMax}, 1000 by default`),
          format: z.enum(['json', 'ndjson', 'csv', 'arrow']).default('json'),
        }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const { start, limit, format } = request.query
      const signal = signalOf(reply)
      if (format !== 'json') {
        const { encoding, type } = encodings[format]
        const { rows } = await results.rows(caller, id, { start, limit, encoding, signal })
        return reply.type(type).send(await streamOf(rows))
      }
      const size = Math.min(limit ?? 1_000, pageMax)
      const encoding = { kind: 'jsonLines', keepsNulls: true } as const
      const { columns, rows, rowCount } = await results.rows(caller, id, {
        start,
        limit: size,
        encoding,
        signal,
      })
      const { lines, isWhole } = await pageOf(rows)
      const next = start + lines.length
      const page = {
        columns: columns.map(({ name, type: columnType }) => ({ name, type: sparkName(columnType) })),
        start,
        count: lines.length,
        totalCount: rowCount,
        _links:
          next < rowCount || !isWhole
            ? { next: { href: `${base}/${id}/rows?start=${next}&limit=${size}` } }
            : {},
      }
      // Rows stay as the engine wrote them: numbers too long for JavaScript come whole.
      const text = `${JSON.stringify(page).slice(0, -1)},"rows":[${lines.join(',')}]}`
      return await reply.type('application/json; charset=utf-8').send(text)
    },
  )
}

/** Whole rows, of which a page holds fewer where they are long. */
async function pageOf(rows: ResultRows): Promise<{ lines: string[]; isWhole: boolean }> {
  await using pulled = rows
  const lines: string[] = []
  for (let bytes = 0; ;) {
    const chunk = await pulled.pull(pullLimit)
    lines.push(...Buffer.from(chunk.bytes).toString('utf8').split('\n').filter(Boolean))
    bytes += chunk.bytes.byteLength
    if (chunk.state === 'done') return { lines, isWhole: true }
    if (bytes >= pageBytesMax) return { lines, isWhole: false }
  }
}

function addParts(app: App, { query: { results } }: HttpDependencies): void {
  app.get(
    '/results/:id/parts/:index',
    {
      config: open,
      schema: {
        tags,
        summary: 'A part of a result, by a signed link',
        description: 'Of a Parquet file a range of bytes can be asked for, as readers do.',
        params: params.extend({ index: z.coerce.number().int().min(0).max(1_000_000) }),
        querystring: z.object({
          format: z.enum(formats),
          expires: z.coerce.number().int().min(0),
          signature: z.string().max(100),
        }),
      },
    },
    async (request, reply) => {
      const { id, index } = request.params
      const { format, expires, signature } = request.query
      const part = await results.part(id, { index, format, expires }, signature, signalOf(reply))
      void reply.header('cache-control', 'private, no-store')
      if (part.format === 'arrow') return reply.type(encodings.arrow.type).send(await streamOf(part.rows))
      return await sendRange(request, reply, part, 'application/vnd.apache.parquet')
    },
  )
}

/** What fails before the first bytes is answered with its status; what fails after them breaks the connection off. */
async function streamOf(rows: ResultRows): Promise<Readable> {
  const chunks = chunksOf(rows)
  const first = await chunks.next()
  const all = async function* () {
    try {
      if (!first.done) yield first.value
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  }
  return Readable.from(all(), { objectMode: false })
}

async function* chunksOf(rows: ResultRows): AsyncGenerator<Uint8Array, void, undefined> {
  await using pulled = rows
  for (;;) {
    const chunk = await pulled.pull(pullLimit)
    if (chunk.bytes.byteLength > 0) yield chunk.bytes
    if (chunk.state === 'done') return
  }
}

function document(
  { query: { results }, clock }: HttpDependencies,
  kept: KeptResult,
  { format, linkSeconds }: z.output<typeof linkQuery>,
): z.input<typeof resultShape> {
  const { id, state, columns, rowCount, expiresAt, error } = kept
  const latest = Math.floor(expiresAt.getTime() / 1000)
  const expires = Math.min(latest, Math.floor(clock.now().getTime() / 1000) + linkSeconds)
  return {
    id,
    state,
    columns: columns.map(({ name, type }) => ({ name, type: sparkName(type) })),
    rowCount,
    parts: kept.parts.map((part, index) => {
      const signature = results.link(kept, { index, format, expires })
      return {
        href: `${base}/${id}/parts/${index}?format=${format}&expires=${expires}&signature=${signature}`,
        rowCount: part.rowCount,
        bytes: part.bytes,
      }
    }),
    linksExpireAt: new Date(expires * 1000).toISOString(),
    expiresAt: expiresAt.toISOString(),
    ...(error ? { error } : {}),
    _links: {
      self: { href: `${base}/${id}` },
      rows: { href: `${base}/${id}/rows` },
      query: { href: `/data/foundation/query/queries/${id}` },
    },
  }
}
