import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import { otherNode } from '#base/other-node.ts'
import { quoteIdentifier, quoteList } from '#base/sql-text.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Encoding } from '#encode/encoding.ts'
import {
  deleteKeptResult,
  deleteKeptResultsBefore,
  insertKeptResult,
  type KeptResultRow,
  selectKeptResult,
  selectKeptResultIds,
} from '#metadata/kept-results.ts'
import { selectQuery } from '#metadata/query.ts'
import { dataTypeFromJson } from '#types/data-type-json.ts'
import type { Field } from '#types/data-type.ts'
import { enqueueQuery } from './enqueue-query.ts'
import { focusOf } from '../names/focus.ts'
import type { KeptResult, KeptResults, PartLink, ResultPart, ResultRows } from '../results.ts'
import { requireSources } from '../require-sources.ts'
import { resolveText } from './resolve-text.ts'
import { resultKind } from './run-result.ts'
import type { QueryServiceOptions } from '../services.ts'

const storedParts = z.array(z.object({ name: z.string(), rowCount: z.number(), bytes: z.number() }))
const storedColumns = z.array(z.object({ name: z.string(), type: z.unknown() }))

export function createKeptResults(services: QueryServiceOptions): KeptResults {
  const { access, clock, engine, jobs, limits, metadata, nodeId, resultsFolder, sql } = services

  async function found(caller: Caller, id: string): Promise<KeptResultRow> {
    const { principal, sandbox } = caller
    await access.require({ principal, permission: 'manage-queries', sandboxId: sandbox.id })
    const row = isUuid(id) ? await selectKeptResult(metadata.db, id) : undefined
    if (row?.sandbox_id !== sandbox.id || row.principal_id !== principal.id) throw unknownResult(id)
    if (row.expires_at <= clock.now()) throw expired()
    return row
  }

  async function document(found: KeptResultRow): Promise<KeptResult> {
    const query = must(
      await selectQuery(metadata.db, found.sandbox_id, found.id),
      'a result is of a query of the log',
    )
    // Read after the state: a query that has succeeded has its rows.
    const row = (await selectKeptResult(metadata.db, found.id)) ?? found
    return {
      id: row.id,
      state: query.state,
      error: query.message === null ? undefined : { message: query.message },
      columns: columnsOf(row),
      rowCount: Number(row.row_count),
      parts: storedParts.parse(row.parts),
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      linkKey: row.link_key,
    }
  }

  async function withoutRows(row: KeptResultRow): Promise<AppError> {
    const { state, error } = await document(row)
    if (state === 'SUBMITTED' || state === 'IN_PROGRESS') {
      return new AppError('query.ended', 'The result is not there yet.', { hint: 'Ask for its state.' })
    }
    const why = error === undefined ? '' : `: ${error.message}`
    return new AppError('query.ended', `There are no rows, as the query ended as ${state}${why}`)
  }

  /** @throws AppError 'node.other' when another node has it */
  function folderOf({ id, folder, node_id: keptBy }: KeptResultRow): string {
    if (folder === null || keptBy === null) throw unknownResult(id)
    if (keptBy === nodeId) return folder
    throw otherNode('The rows of this result lie', keptBy)
  }

  async function open(
    row: KeptResultRow,
    read: {
      readonly parts: readonly ResultPart[]
      readonly skip: number
      readonly limit: number | undefined
      readonly encoding: Encoding
      readonly signal: AbortSignal
    },
  ): Promise<ResultRows> {
    const folder = folderOf(row)
    const { parts, skip, limit, encoding, signal } = read
    const columns = columnsOf(row)
    const files = parts.map(({ name }) => join(folder, name))
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
    const none = `SELECT ${columns.map(({ name }) => `NULL AS ${quoteIdentifier(name)}`).join(', ')} WHERE false`
    const some = `SELECT ${names} FROM read_parquet(${quoteList(files)})`
    const window = `${limit === undefined ? '' : ` LIMIT ${limit}`} OFFSET ${skip}`
    const text = files.length === 0 ? none : some + window
    return await engine.open({ sql: text, files, pool: 'interactive' }, { encoding, columns, signal })
  }

  return {
    create: async (caller, request, { partBytes }) => {
      const { principal, sandbox } = caller
      await access.require({ principal, permission: 'batch-queries', sandboxId: sandbox.id })
      await focusOf(services, { caller, database: request.database })
      const resolved = await resolveText(services, caller, request)
      const statements = sql.split(resolved.text).map((statement) => sql.parse(statement))
      if (statements.length !== 1 || statements[0]?.kind !== 'query') {
        throw new AppError('query.unsupported', 'A result is of one SELECT.')
      }
      const id = await enqueueQuery(services, caller, {
        kind: resultKind,
        request,
        resolved,
        detail: { output: 'result' },
        within: async (tx, { id, runId, now }) =>
          await insertKeptResult(tx, {
            id,
            sandbox_id: sandbox.id,
            principal_id: principal.id,
            run_id: runId,
            part_bytes: partBytes,
            link_key: randomBytes(32).toString('base64'),
            created_at: now,
            expires_at: new Date(now.getTime() + limits.batchTimeoutMs + limits.resultRetentionMs),
          }),
      })
      return await document(must(await selectKeptResult(metadata.db, id), 'a result is there once stored'))
    },
    get: async (caller, id) => await document(await found(caller, id)),
    rows: async (caller, id, { start, limit, encoding, signal }) => {
      const row = await found(caller, id)
      if (row.folder === null) throw await withoutRows(row)
      await requireSources(services, caller, id)
      const { skip, parts } = partsFrom(storedParts.parse(row.parts), start, limit)
      const rows = await open(row, { parts, skip, limit, encoding, signal })
      return { columns: columnsOf(row), rows, rowCount: Number(row.row_count) }
    },
    delete: async (caller, id) => {
      const row = await found(caller, id)
      await jobs.cancel(row.run_id, caller.principal.id)
      await deleteKeptResult(metadata.db, id)
      await rm(join(resultsFolder, id), { recursive: true, force: true })
    },
    link: ({ id, linkKey }, link) => signatureOf(linkKey, id, link),
    part: async (id, link, signature, signal) => {
      const row = isUuid(id) ? await selectKeptResult(metadata.db, id) : undefined
      // For an unknown one the work is the same: nothing tells that there is none.
      const expected = Buffer.from(signatureOf(row?.link_key ?? '', id, link))
      const given = Buffer.from(signature)
      const isOurs = given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
      if (!row || !isOurs || link.expires * 1000 <= clock.now().getTime()) {
        throw new AppError('access.denied', 'The link is not right, or over.', { hint: 'Ask for a new one.' })
      }
      // Whoever lost his rights since has no links any more.
      const owner = await access.actAs(row.principal_id, row.sandbox_id)
      const question = { principal: owner.principal, sandboxId: owner.sandbox.id }
      await access.require({ ...question, permission: 'manage-queries' })
      await requireSources(services, owner, id)
      if (row.expires_at <= clock.now()) throw expired()
      const part = storedParts.parse(row.parts)[link.index]
      if (!part) throw unknownResult(id)
      if (link.format === 'parquet') {
        const path = join(folderOf(row), part.name)
        return {
          format: 'parquet',
          bytes: part.bytes,
          read: ({ start, end }) => createReadStream(path, { start, end: end - 1 }),
        }
      }
      const encoding = { kind: 'arrow' } as const
      return {
        format: 'arrow',
        rows: await open(row, { parts: [part], skip: 0, limit: undefined, encoding, signal }),
      }
    },
    removeExpired: async () => {
      await deleteKeptResultsBefore(metadata.db, clock.now())
      const kept = new Set(await selectKeptResultIds(metadata.db))
      const over = (await readdir(resultsFolder)).filter((name) => !kept.has(name))
      for (const name of over) await rm(join(resultsFolder, name), { recursive: true, force: true })
      return over.length
    },
  }
}

/** The parts that hold the rows from a position on, and how many of their rows come before it. */
function partsFrom(
  parts: readonly ResultPart[],
  start: number,
  limit: number | undefined,
): { readonly parts: ResultPart[]; readonly skip: number } {
  let before = 0
  let skip = start
  const needed: ResultPart[] = []
  for (const part of parts) {
    const end = before + part.rowCount
    if (end <= start) skip -= part.rowCount
    else if (limit === undefined || before < start + limit) needed.push(part)
    before = end
  }
  return { parts: needed, skip: needed.length === 0 ? 0 : skip }
}

function columnsOf({ columns }: KeptResultRow): Field[] {
  return storedColumns.parse(columns ?? []).map(({ name, type }) => ({ name, type: dataTypeFromJson(type) }))
}

function signatureOf(key: string, id: string, { index, format, expires }: PartLink): string {
  const said = `${id}\n${index}\n${format}\n${expires}`
  return createHmac('sha256', Buffer.from(key, 'base64')).update(said).digest('base64url')
}

function unknownResult(id: string): AppError {
  return new AppError('result.unknown', `There is no result ${JSON.stringify(id.slice(0, 80))} of yours.`)
}

function expired(): AppError {
  return new AppError('result.expired', 'The result is not kept any more.', { hint: 'Ask the query again.' })
}
