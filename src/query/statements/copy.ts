import { AppError } from '#base/errors.ts'
import type { CopyFormat } from '#engine/engine.ts'
import { runningStatement } from '../rows/engine-rows.ts'
import { planQuery } from '../rows/plan-query.ts'
import type { StatementOf } from '../query.ts'
import { requireGeneral } from '../names/rights.ts'
import { orMissing, unlessRemoved } from '../rows/unless-removed.ts'
import { rowsToStore } from '../rows/rows-to-store.ts'
import type { Scope } from '../scope.ts'
import { copyUriOf, type ScratchCopy } from '../scratch-space.ts'

type Copy = StatementOf<'copy'>
type ScratchTarget = Extract<Copy['target'], { readonly kind: 'scratch' }>

const fileBytesMax = 256 * 1024 * 1024
const foldersMax = 10
const uuidLength = 36
const folderPattern = /^[\p{L}\p{N}_][\p{L}\p{N}_ .=-]{0,99}$/u
const compressions = ['zstd', 'gzip', 'snappy', 'none'] as const

/** Writes a query's rows to files of the scratch space, all of them or none. */
export async function copyToScratch(
  scope: Scope,
  { query, target, options }: Copy,
  queryId: string,
): Promise<ScratchCopy> {
  if (target.kind === 'client') {
    throw new AppError('query.unsupported', 'COPY … TO STDOUT is for clients of the PostgreSQL protocol.', {
      position: query.position,
      hint: 'Ask for the rows with SELECT, in the format you want.',
    })
  }
  await requireGeneral(scope, ['batch-queries'])
  const { services, journal, caller, step } = scope
  const folder = folderOf(target)
  const format = formatOf(options, target)
  const id = copyIdOf(queryId, step)
  // An earlier attempt of this run did it.
  const done = journal.mark && (await services.scratch.get(caller, id))
  if (done) return done
  const copy = await unlessRemoved(scope, async () => {
    const pins = await journal.pins(step)
    const planned = await planQuery(scope, query, pins)
    await pins.keep()
    const running = runningStatement(scope, { stores: true })
    const { signal } = running
    await using rows = await rowsToStore(scope, running, planned)
    const leased = () => running.wait(() => services.lake.lease(rows.lakeFiles, { signal }))
    using lease = await leased()
    const write = async (path: string) => {
      const files = [...rows.files, ...lease.paths]
      const written = await services.engine.copy(
        { sql: rows.sql, files, pool: scope.pool },
        { folder: path, format, isOrdered: planned.isOrdered, inTurn: running.inTurn, signal },
      )
      rows.check(written.rowCount)
      return written
    }
    const make = () =>
      services.scratch.make(caller, {
        id,
        folder,
        format: format.kind,
        write,
        within: (tx) => journal.assertHeld(tx),
      })
    return await orMissing(() => running.wait(make), leased)
  })
  scope.notice(`Written to ${copyUriOf(copy)}; kept until ${copy.expiresAt.toISOString()}.`)
  return copy
}

/** The query's own for its first statement; of others it ends with it. In every attempt the same. */
function copyIdOf(queryId: string, step: string): string {
  return step === '0' ? queryId : `${step.replaceAll('.', '-')}-${queryId}`
}

/** The query that made a copy. */
export function queryOfCopy(id: string): string {
  return id.slice(-uuidLength)
}

/** @throws AppError 'request.invalid' */
function folderOf({ path, position }: ScratchTarget): string {
  const folders = path.filter((name) => name !== '')
  const isUsable =
    folders.length > 0 && folders.length <= foldersMax && folders.every((name) => folderPattern.test(name))
  if (isUsable) return folders.join('/')
  throw new AppError('request.invalid', 'This is no folder of the scratch space.', {
    position,
    hint: `Up to ${foldersMax} names of letters, digits, "_", "-", "=", "." and spaces, which begin with a letter or digit: '%scratch_space%/reports/daily'.`,
  })
}

/** @throws AppError 'query.unsupported' naming the option */
function formatOf(options: Copy['options'], { position }: ScratchTarget): CopyFormat {
  const { format = 'parquet', compression, header = 'true', ...others } = options
  const [other] = Object.keys(others)
  const refuse = (message: string, hint: string): AppError =>
    new AppError('query.unsupported', message, { position, hint })
  if (other !== undefined) {
    throw refuse(
      `A copy to the scratch space has no option ${other}.`,
      'There are FORMAT, COMPRESSION and, for CSV, HEADER.',
    )
  }
  if (String(header).toLowerCase() !== 'true') {
    throw refuse('CSV files always begin with the names of the columns.', 'Leave HEADER out.')
  }
  const kind = (['parquet', 'csv', 'json'] as const).find((name) => name === String(format).toLowerCase())
  if (!kind) {
    throw refuse(
      `The scratch space has no format ${String(format).slice(0, 40)}.`,
      'There are parquet, csv and json.',
    )
  }
  const wanted = String(compression ?? (kind === 'parquet' ? 'snappy' : 'none')).toLowerCase()
  const named = compressions.find((name) => name === wanted)
  if (kind === 'parquet' && named) return { kind, compression: named, fileBytesMax }
  if (kind !== 'parquet' && named && named !== 'snappy') return { kind, compression: named, fileBytesMax }
  throw refuse(
    `A copy as ${kind} has no compression ${wanted.slice(0, 40)}.`,
    kind === 'parquet' ? 'There are snappy, zstd, gzip and none.' : 'There are gzip, zstd and none.',
  )
}
