import { randomUUID } from 'node:crypto'
import { AppError } from '#base/errors.ts'

/** @throws AppError 'flow.version' */
export function requireVersion(etag: string, current: string): void {
  if (etag.trim() === '*' || sameEtag(etag, current)) return
  throw new AppError(
    'flow.version',
    `Supplied version=[${etag}] does not match the current version on entity=[${current}]`,
    { hint: 'Read the entity again and repeat the change on what it is now.' },
  )
}

/** Quotes are part of it, as on the platform. */
export function newEtag(now: Date): string {
  const [one = '', two = ''] = randomUUID().split('-')
  return `"${one}-${two}-0200-0000-${Math.floor(now.getTime() / 1000).toString(16)}0000"`
}

function sameEtag(one: string, other: string): boolean {
  const bare = (text: string) => text.trim().replace(/^W\//, '').replace(/^"|"$/g, '')
  return bare(one) === bare(other)
}
