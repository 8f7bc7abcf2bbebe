import { ask, type Asking } from '../remote/ask.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'

/** Metadata that says which writing made the blob. Names of metadata have no hyphens. */
export const writeMark = 'sluice_write'
/** Metadata: SHA-256 of the bytes. */
export const hashMark = 'sluice_sha256'
/** What Data Lake Storage sets on a folder. */
export const folderMark = 'hdi_isfolder'

export interface FoundBlob {
  readonly bytes: number
  readonly modifiedAt: Date
  readonly etag: string | undefined
  readonly md5: Uint8Array | undefined
  readonly marks: Readonly<Record<string, string>>
}

export async function headBlob(
  connection: Connection,
  { name, signal }: Asking,
  key: string,
): Promise<FoundBlob | undefined> {
  const blob = connection.container.getBlobClient(key)
  try {
    const found = await ask(
      connection,
      { name, signal },
      (abortSignal) => blob.getProperties({ abortSignal }),
      isMissing,
    )
    const marks = found.metadata ?? {}
    if (marks[folderMark] === 'true') return undefined
    return {
      bytes: found.contentLength ?? 0,
      modifiedAt: found.lastModified ?? new Date(0),
      etag: found.etag,
      md5: found.contentMD5,
      marks,
    }
  } catch (error) {
    if (isMissing(failureOf(error))) return undefined
    throw error
  }
}
