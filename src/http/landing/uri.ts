import { S3Error } from './s3-error.ts'

/** As Amazon's signatures have it: all but letters, digits, `-`, `.`, `_` and `~`. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** @throws S3Error 'InvalidURI' */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI', 'The address is not well encoded.')
  }
}

/** Keys with slashes, as lists write them for who asks for `encoding-type=url`. */
export function encodedKey(key: string): string {
  return key.split('/').map(encoded).join('/')
}

/** Names and values as they were meant, in the order they came. */
export function queryOf(text: string): readonly (readonly [string, string])[] {
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=')
      return at < 0
        ? ([decoded(part), ''] as const)
        : ([decoded(part.slice(0, at)), decoded(part.slice(at + 1))] as const)
    })
}
