import type { CachedObject, FileLease } from '#objects/file-cache.ts'
import type { ObjectSummary } from '#objects/object-store.ts'

/**
 * Where the files of a lake are, and how they come to the engine, which knows only files of this machine, and from it.
 * Names are below the lake: `<dataset>/metadata/…`, `<dataset>/data/<write>/…`. No file is written twice, none changes.
 */
export interface LakeFiles extends AsyncDisposable {
  /** `file:///…` or `s3://bucket/prefix`; what Iceberg's files name each other by begins with it. */
  readonly location: string

  /**
   * A small file, whole, or its bytes from `start` up to and without `end`: fewer where it ends before.
   * @throws AppError 'object.missing', 'store.…'
   */
  read(
    name: string,
    options: { readonly signal: AbortSignal; readonly start?: number; readonly end?: number },
  ): Promise<Buffer>

  /** A file of any size, whole. @throws AppError 'object.missing', 'store.…', perhaps after some of its bytes */
  stream(name: string, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>

  /** A new small file (≤ 8 MiB), durable when this returns. @throws AppError 'object.exists' */
  write(name: string, bytes: Uint8Array, options: { readonly signal: AbortSignal }): Promise<void>

  /** Undefined when there is no such file. */
  sizeOf(name: string, options: { readonly signal: AbortSignal }): Promise<number | undefined>

  /** The files below a folder, whoever wrote them. */
  list(folder: string, options: { readonly signal: AbortSignal }): AsyncIterable<ObjectSummary>

  /** Nothing happens when it is not there. */
  remove(name: string): Promise<void>

  /** Where the engine finds the file while a lease holds it; touches nothing. */
  pathOf(file: CachedObject): string

  /**
   * Has files where the engine finds them, whole, until the lease is disposed of. One statement takes all of its files
   * with one lease.
   * @throws AppError 'object.missing', 'store.corrupt' for another size, 'query.scan_too_large', 'store.…'
   */
  lease(files: readonly CachedObject[], options: { readonly signal: AbortSignal }): Promise<FileLease>

  /** A new folder of this machine, in which files are made that `deliver` brings to the lake's folder of that name. */
  outbox(folder: string): Promise<string>

  /**
   * Brings the files made in the outbox to the lake, each durable when this returns. What else is in the outbox is lost.
   * @param files names below the folder
   * @throws AppError 'store.…'; then `discard` is due
   */
  deliver(
    folder: string,
    files: readonly CachedObject[],
    options: { readonly signal: AbortSignal },
  ): Promise<void>

  /** Removes a folder, its outbox, and files whose name begins with it. Returns how many were in the lake. */
  discard(prefix: string, options: { readonly signal: AbortSignal }): Promise<number>

  /** Removes what killed writers left that has no name. Returns how many. */
  sweepUnfinished(options: { readonly now: Date; readonly signal: AbortSignal }): Promise<number>
}
