/**
 * Objects of a store as files of this machine, for programs that can only read such: whole, checked, and within a bound.
 * Everything in it can be lost. Objects never change, so a file is right for as long as its bytes are.
 */
export interface FileCache extends AsyncDisposable {
  /** Where the object's file is while a lease holds it. Decided by name and size alone; touches nothing. */
  pathOf(object: CachedObject): string

  /**
   * Has all of the objects as files until the lease is disposed of. Waits while others' leases leave too little room, so
   * whoever needs several objects at a time takes them with one lease: two that wait for each other would for ever.
   * @throws AppError 'query.scan_too_large' when together they can never have room, 'store.full' when the disk has none,
   *   'object.missing', 'store.…'
   */
  lease(objects: readonly CachedObject[], options: { readonly signal: AbortSignal }): Promise<FileLease>

  usage(): CacheUsage
}

export interface CachedObject {
  readonly name: string
  readonly bytes: number
}

/** Disposing of it again does nothing. */
export interface FileLease extends Disposable {
  /** In the order of the objects asked for. */
  readonly paths: readonly string[]
}

export interface CacheUsage {
  /** Of all files, those under way among them. */
  readonly bytes: number
  /** Of those that may not be removed now. */
  readonly heldBytes: number
  readonly fileCount: number
  /** Leases that wait for room. */
  readonly waitingCount: number
}
