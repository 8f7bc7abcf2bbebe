import { z } from 'zod'
import { must } from '#base/assert.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import type { CopiedFile, ColumnStatistics } from '#engine/engine.ts'
import type { PartRow } from '#metadata/exports.ts'
import type { StageToken } from '#objects/object-store.ts'
import type { ManifestFile } from '../manifests/manifest.ts'
import type { RunScope } from './run-scope.ts'
import type { SpooledFile } from './spooled.ts'
import { countPart, type SentPart, type StagedPart, stagePart } from './stage-part.ts'

/** Parts staged at the same time. */
export const parallelPartsMax = 2
/** Longer values are left out of the statistics. */
const valueCharactersMax = 128

/** What of a spool's files is at the store already, by number. */
export interface Advance {
  /** Staged by an earlier attempt, and counted. */
  readonly staged?: ReadonlyMap<number, StagedPart> | undefined
  /** Brought there while the engine wrote. */
  readonly sent?: ReadonlyMap<number, SentPart>
}

/** All files of a spool, by number. */
export async function stageAll(
  scope: RunScope,
  files: readonly SpooledFile[],
  { staged = new Map(), sent = new Map() }: Advance = {},
): Promise<StagedPart[]> {
  const parts: StagedPart[] = [...staged.values()]
  const done = () => ({
    filesDone: parts.length,
    bytes: parts.reduce((sum, { file }) => sum + file.bytes, 0),
  })
  await scope.progress.update({ phase: 'staging', fileCount: files.length, ...done() })
  const waiting = [...files.entries()].filter(([number]) => !staged.has(number))
  await someAtOnce(waiting, parallelPartsMax, async ([number, file]) => {
    const { path, folder, rowCount } = file
    const spoolFile = { path, folder, number, rowCount, statistics: statisticsOf(file) }
    const ahead = sent.get(number)
    parts.push(ahead ? await countPart(scope, spoolFile, ahead) : await stagePart(scope, spoolFile))
    await scope.progress.update(done())
  })
  return parts.toSorted((one, other) => (one.file.name < other.file.name ? -1 : 1))
}

const storedToken = z.strictObject({ name: z.string(), owner: z.string(), id: z.string() })

export function tokenOf(row: PartRow): StageToken {
  return storedToken.parse(row.token)
}

/** A part as an earlier attempt staged it. */
export function stagedPartOf(row: PartRow): StagedPart {
  const token = tokenOf(row)
  return {
    id: row.id,
    token,
    spoolPath: row.spool_path,
    file: {
      name: token.name,
      bytes: Number(must(row.bytes, `part ${row.id} is staged and has no size`)),
      sha256: must(row.sha256, `part ${row.id} is staged and has no hash`),
      rowCount: Number(must(row.row_count, `part ${row.id} is staged and has no rows`)),
      statistics: (row.statistics ?? {}) as ManifestFile['statistics'],
    },
  }
}

function statisticsOf({ statistics }: CopiedFile): ManifestFile['statistics'] {
  return Object.fromEntries(
    Object.entries(statistics).map(([column, values]) => [column, columnStatistics(values)]),
  )
}

function columnStatistics({ min, max, nullCount }: ColumnStatistics): ManifestFile['statistics'][string] {
  return {
    ...(isKept(min) ? { min } : {}),
    ...(isKept(max) ? { max } : {}),
    ...(nullCount === undefined ? {} : { nullCount }),
  }
}

/** PostgreSQL keeps no document with a NUL in it. */
function isKept(value: string | undefined): value is string {
  return value !== undefined && value.length <= valueCharactersMax && !value.includes('\0')
}
