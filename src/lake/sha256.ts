import { createHash } from 'node:crypto'

/** What a file of metadata is known by where it is named, in hexadecimal digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
