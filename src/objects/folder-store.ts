import type { ObjectStore, ObjectSummary } from './object-store.ts'

/** A store in which it is cheap to begin in the middle of a list and to pass over what is in a folder. */
export interface FolderStore extends ObjectStore {
  /**
   * As `list`, from the first name behind `after` on (as bytes compare). With `isShallow` folders below the prefix come in
   * the place of the objects in them, once each, if they hold one behind `after` and are not `after` themselves.
   */
  listBehind(prefix: string, options: ListOptions): AsyncIterable<FolderEntry>
}

export interface ListOptions {
  /** Empty: from the first. */
  readonly after: string
  readonly isShallow: boolean
  readonly signal: AbortSignal
}

export type FolderEntry = ObjectSummary | FolderSummary

export interface FolderSummary {
  /** With the slash it ends with. */
  readonly name: string
  readonly isFolder: true
}
