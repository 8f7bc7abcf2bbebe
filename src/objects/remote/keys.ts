import { AppError } from '#base/errors.ts'
import { isObjectName, objectNameBytesMax, objectNameParts } from '../object-name.ts'
import type { StageToken } from '../object-store.ts'

/** Staging names are in it, at the top of a store that may be a folder of another: it is never listed, and no part of a name. */
export const stagingFolder = '.sluice-staging'
const tokenPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Between the names of a store and the keys of its bucket. */
export interface Keys {
  /** @throws AppError 'request.invalid' */
  of(name: string): string
  /** @throws AppError 'request.invalid' */
  ofStaged(token: StageToken): string
  /** What keys begin with when their names begin with the prefix; undefined when no name can. */
  prefix(prefix: string): string | undefined
  /** Undefined for what is none of the store's objects: staging names, folder marks, what no name can be. */
  name(key: string): string | undefined
}

export function keysBelow(
  prefix: string,
  /** What this kind of store cannot keep in a name. */
  refused?: { readonly pattern: RegExp; readonly what: string },
): Keys {
  const above = prefix === '' ? '' : `${prefix}/`

  function keyOf(name: string): string {
    const key = `${above}${name}`
    if (Buffer.byteLength(key) <= objectNameBytesMax) return key
    throw new AppError(
      'request.invalid',
      `${JSON.stringify(name.slice(0, 120))} is too long below ${JSON.stringify(prefix)}.`,
      {
        hint: `A key has at most ${objectNameBytesMax} bytes, the prefix of the location among them.`,
      },
    )
  }

  return {
    of: (name) => {
      if (refused?.pattern.test(name)) {
        throw new AppError('request.invalid', `${JSON.stringify(name)} has ${refused.what}.`)
      }
      if (objectNameParts(name).includes(stagingFolder)) {
        throw new AppError('request.invalid', `${JSON.stringify(name)} is kept for files under way.`)
      }
      return keyOf(name)
    },
    ofStaged: ({ id }) => {
      if (tokenPattern.test(id)) return keyOf(`${stagingFolder}/${id}`)
      throw new AppError('request.invalid', 'The token is not one of this store.')
    },
    prefix: (prefix) => {
      const folders = prefix.split('/').slice(0, -1)
      const isPossible = folders.every((part) => part !== '' && part !== '.' && part !== '..')
      return isPossible ? `${above}${prefix}` : undefined
    },
    name: (key) => {
      if (!key.startsWith(above)) return undefined
      const name = key.slice(above.length)
      // Others may keep in the bucket what no name of ours can say.
      return isObjectName(name) && !name.split('/').includes(stagingFolder) ? name : undefined
    },
  }
}
