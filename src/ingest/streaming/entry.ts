import { must } from '#base/assert.ts'
import type { DatasetId, PrincipalId, SandboxId } from '#base/ids.ts'

/** Messages of one call for one dataset, as they lie in the log: what is known of them on one line, then a row a line. */
export interface Entry {
  readonly datasetId: DatasetId
  readonly sandboxId: SandboxId
  readonly principalId: PrincipalId
  /** Of each row what its `_id` is known by; null: it has none, or does not fit the schema. */
  readonly keys: readonly (string | null)[]
  /** Of the flows that sent them, as far as they said so. */
  readonly flowIds?: readonly string[]
}

/** Of flows that an entry names, and a batch. */
export const flowIdsMax = 20

const lineEnd = 0x0a

export function payloadOf(entry: Entry, rows: readonly string[]): Buffer {
  // One text at once: rows of a call are up to a megabyte, which would be copied again.
  return Buffer.from([JSON.stringify(entry), ...rows, ''].join('\n'))
}

export function entryOf(payload: Buffer): Entry {
  const end = payload.indexOf(lineEnd)
  return must(JSON.parse(payload.toString('utf8', 0, end)) as Entry | null, 'an entry of the log has a head')
}

/** All rows, as they lie there. */
export function textOfRows(payload: Buffer): Buffer {
  return payload.subarray(payload.indexOf(lineEnd) + 1)
}

/** In the order of the keys; each with its line end. */
export function* rowsOf(payload: Buffer): Generator<Buffer> {
  for (let start = payload.indexOf(lineEnd) + 1; start < payload.byteLength;) {
    const end = payload.indexOf(lineEnd, start) + 1
    yield payload.subarray(start, end)
    start = end
  }
}
