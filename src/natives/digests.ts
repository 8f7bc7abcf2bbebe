import { createHash } from 'node:crypto'
import { native, type NativeFunction } from './native.ts'

/** Spark's `sha2`: NULL for a length there is not. */
export const digestFunctions: readonly NativeFunction[] = [
  native('native_sha2', ['bytes', 'integer'], 'text', (value, bits) => {
    const length = bits === 0 ? 256 : bits
    return [224, 256, 384, 512].includes(length)
      ? createHash(`sha${length}`).update(value).digest('hex')
      : null
  }),
]
