import { buffer } from 'node:stream/consumers'
import { AppError } from '#base/errors.ts'
import type { FileFormat } from '#formats/file-format.ts'
import { recountParquet } from '#formats/parquet.ts'
import { hashBytes, readBack } from '#formats/read-back.ts'
import type { ObjectStore, ObjectSummary } from '#objects/object-store.ts'
import type { ManifestFile } from '../manifests/manifest.ts'
import type { Finding, FindingCode } from './finding.ts'
import { unreadable } from './unreadable.ts'

export interface FileCheck {
  readonly store: ObjectStore
  readonly signal: AbortSignal
  readonly file: ManifestFile
  readonly format: FileFormat
  /** Nobody without the private key can count its rows: they are taken from the manifest. */
  readonly isEncrypted: boolean
  /** As it was listed. */
  readonly object: ObjectSummary | undefined
  readonly find: (finding: Finding) => void
}

/** Reads a delivered file again, whole. Returns the rows found in it; none when it is not there or not whole. */
export async function checkFile(check: FileCheck): Promise<number> {
  const { store, signal, file, format, isEncrypted, object, find } = check
  const error = (code: FindingCode, message: string): void =>
    find({ severity: 'error', code, name: file.name, message })
  if (!object) {
    error('file.missing', 'The manifest names it and it is not there.')
    return 0
  }
  try {
    const bytes = store.read(file.name, { signal })
    const found = isEncrypted
      ? { ...(await hashBytes(bytes)), rowCount: file.rowCount }
      : await readBack(format, bytes)
    const rowCount =
      format.kind === 'parquet' && !isEncrypted
        ? await recountParquet(accessOf({ store, signal, object }))
        : found.rowCount
    if (found.sha256 !== file.sha256)
      error(
        'file.changed',
        `Its ${found.bytes} bytes with ${rowCount} rows are not the ${file.bytes} bytes with ${file.rowCount} rows that were sealed.`,
      )
    else if (rowCount !== file.rowCount)
      error('file.rows', `It holds ${rowCount} rows and the manifest promises ${file.rowCount}.`)
    return rowCount
  } catch (failure) {
    const found = unreadable(failure)
    if (found) error(...found)
    else if (failure instanceof AppError && failure.code === 'file.torn')
      error('file.torn', `It has ${object.bytes} bytes, ${file.bytes} were sealed. ${failure.message}`)
    else throw failure
    return 0
  }
}

function accessOf({
  store,
  signal,
  object,
}: Pick<FileCheck, 'store' | 'signal'> & { object: ObjectSummary }) {
  return {
    bytes: object.bytes,
    read: async (start: number, end: number) =>
      new Uint8Array(await buffer(store.read(object.name, { signal, start, end }))),
  }
}
