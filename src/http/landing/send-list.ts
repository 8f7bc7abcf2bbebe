import type { FolderEntry, LandingZone } from '#exports/landing-zones.ts'
import { bucketName } from './bucket.ts'
import { entityTag } from './entity-tag.ts'
import type { LandingRequest } from './landing-request.ts'
import { listPage, type ListPage, type ListRequest } from './list-objects.ts'
import { S3Error } from './s3-error.ts'
import { encodedKey } from './uri.ts'
import type { Element } from './xml.ts'

const keysMax = 1_000

/** A page of keys, as either version of the list has it. */
export async function sendList({ zone, query, signal }: LandingRequest): Promise<Element> {
  const isSecond = query.get('list-type') === '2'
  const asked = {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    after: isSecond ? secondAfter(query) : (query.get('marker') ?? ''),
    keysMax: countOf(query.get('max-keys')),
  }
  const page = await listPage(keysBelow(zone, asked, signal), asked)
  const write = query.get('encoding-type') === 'url' ? encodedKey : (key: string) => key
  return [
    'ListBucketResult',
    [
      ['Name', bucketName],
      ['Prefix', write(asked.prefix)],
      ['Delimiter', write(asked.delimiter)],
      ['MaxKeys', asked.keysMax],
      ...(query.has('encoding-type') ? ([['EncodingType', 'url']] as const) : []),
      ['IsTruncated', page.next !== undefined],
      ...(isSecond ? secondPlaces(query, page) : firstPlaces(query, page, write)),
      ...page.objects.map(({ name, bytes, modifiedAt }): Element => [
        'Contents',
        [
          ['Key', write(name)],
          ['LastModified', modifiedAt.toISOString()],
          ['ETag', entityTag({ name, bytes, modifiedAt })],
          ['Size', bytes],
          ['StorageClass', 'STANDARD'],
        ],
      ]),
      ...page.prefixes.map((prefix): Element => ['CommonPrefixes', [['Prefix', write(prefix)]]]),
    ],
  ]
}

/** Everything behind `after` that may begin with the prefix, by its key; folders where a slash delimits. */
export async function* keysBelow(
  zone: Pick<LandingZone, 'folder' | 'list'>,
  { prefix, delimiter, after }: ListRequest,
  signal: AbortSignal,
): AsyncGenerator<FolderEntry> {
  const root = `${zone.folder}/`
  if (!root.startsWith(prefix) && !prefix.startsWith(root)) return
  const isInside = after.startsWith(root)
  if (!isInside && Buffer.compare(Buffer.from(after), Buffer.from(root)) > 0) return
  const listed = zone.list(prefix.slice(root.length), {
    after: isInside ? after.slice(root.length) : '',
    isShallow: delimiter === '/',
    signal,
  })
  for await (const entry of listed) yield { ...entry, name: `${root}${entry.name}` }
}

function secondAfter(query: ReadonlyMap<string, string>): string {
  const token = query.get('continuation-token')
  if (token === undefined) return query.get('start-after') ?? ''
  const after = Buffer.from(token, 'base64url').toString('utf8')
  if (after !== '' && tokenOf(after) === token) return after
  throw new S3Error('InvalidArgument', 'The continuation token is none of ours.')
}

function tokenOf(after: string): string {
  return Buffer.from(after).toString('base64url')
}

function secondPlaces(query: ReadonlyMap<string, string>, { next, objects, prefixes }: ListPage): Element[] {
  const token = query.get('continuation-token')
  return [
    ['KeyCount', objects.length + prefixes.length],
    ...(token === undefined ? [] : [['ContinuationToken', token] as const]),
    ...(next === undefined ? [] : [['NextContinuationToken', tokenOf(next)] as const]),
  ]
}

function firstPlaces(
  query: ReadonlyMap<string, string>,
  { next }: ListPage,
  write: (key: string) => string,
): Element[] {
  return [
    ['Marker', write(query.get('marker') ?? '')],
    ...(next === undefined ? [] : [['NextMarker', write(next)] as const]),
  ]
}

function countOf(text: string | undefined): number {
  if (text === undefined) return keysMax
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), keysMax)
  throw new S3Error('InvalidArgument', 'max-keys is a whole number.')
}
