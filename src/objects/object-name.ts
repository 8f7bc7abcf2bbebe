import { AppError } from '#base/errors.ts'

/** The limit of S3; no store offers less for the whole name. */
export const objectNameBytesMax = 1024

/** Control characters, and halves of surrogate pairs, which no UTF-8 name can hold. */
const forbidden = /[\p{Cc}\p{Cs}]/u

/**
 * The parts of an object's name between the slashes.
 * @throws AppError 'request.invalid' for a name that leaves its location or cannot be written everywhere.
 */
export function objectNameParts(name: string): readonly string[] {
  if (isObjectName(name)) return name.split('/')
  throw new AppError(
    'request.invalid',
    `${JSON.stringify(name.slice(0, 120))} cannot be the name of an object.`,
    {
      hint: `Names are relative, at most ${objectNameBytesMax} bytes, without empty parts, ".", ".." and control characters.`,
    },
  )
}

export function isObjectName(name: string): boolean {
  return (
    !forbidden.test(name) &&
    Buffer.byteLength(name) <= objectNameBytesMax &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  )
}
