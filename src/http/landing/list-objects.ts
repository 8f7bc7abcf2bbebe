import type { FolderEntry, ObjectSummary } from '#exports/landing-zones.ts'

export interface ListRequest {
  readonly prefix: string
  /** Empty: none. */
  readonly delimiter: string
  /** The last key, or common prefix, of the page before; empty: this is the first. */
  readonly after: string
  readonly keysMax: number
}

export interface ListPage {
  readonly objects: readonly ObjectSummary[]
  /** What stands in for all keys that go on behind the next delimiter. */
  readonly prefixes: readonly string[]
  /** What the next page begins after; undefined: this is the last. */
  readonly next: string | undefined
}

/**
 * One page, as S3 lists them, of the keys behind `after`, which come in the order of their bytes; where a slash delimits,
 * a folder may come in the place of all keys in it.
 */
export async function listPage(entries: AsyncIterable<FolderEntry>, request: ListRequest): Promise<ListPage> {
  const { prefix, delimiter, after, keysMax } = request
  const page = { objects: [] as ObjectSummary[], prefixes: [] as string[] }
  if (keysMax === 0) return { ...page, next: undefined }
  let last = ''
  for await (const found of entries) {
    const { name } = found
    if (!name.startsWith(prefix)) continue
    const end = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length)
    const entry = end < 0 ? name : name.slice(0, end + delimiter.length)
    if (end >= 0 && (entry === last || entry === after)) continue
    if (page.objects.length + page.prefixes.length === keysMax) return { ...page, next: last }
    if (end >= 0) page.prefixes.push(entry)
    else if (!('isFolder' in found)) page.objects.push(found)
    last = entry
  }
  return { ...page, next: undefined }
}
