import { createCipheriv, createDecipheriv, randomBytes, type CipherGCM, type DecipherGCM } from 'node:crypto'
import { native, type NativeFunction } from './native.ts'

const tagBytes = 16

/**
 * Spark's AES: the initialisation vector stands before the ciphertext and, with GCM, the tag behind it. An empty vector
 * is made at random; an empty `aad` authenticates nothing more.
 * @see https://spark.apache.org/docs/latest/api/sql/#aes_encrypt
 */
export const cipherFunctions: readonly NativeFunction[] = [
  native('native_aes_encrypt', ['bytes', 'bytes', 'text', 'text', 'bytes', 'bytes'], 'bytes', encrypted),
  native('native_aes_decrypt', ['bytes', 'bytes', 'text', 'text', 'bytes'], 'bytes', decrypted),
  native('native_try_aes_decrypt', ['bytes', 'bytes', 'text', 'text', 'bytes'], 'bytes', (...values) => {
    try {
      return decrypted(...values)
    } catch {
      return null // What it is for: a text that was not encrypted by this key has no plaintext.
    }
  }),
]

function encrypted(
  plain: Uint8Array,
  key: Uint8Array,
  mode: string,
  padding: string,
  given: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  const { name, vectorBytes } = cipherOf(key, mode, padding)
  const vector = given.length > 0 ? given : randomBytes(vectorBytes)
  if (vector.length !== vectorBytes) throw new Error(`The vector of ${name} has ${vectorBytes} bytes.`)
  const cipher = createCipheriv(name, key, vectorBytes === 0 ? null : vector)
  const isGcm = name.endsWith('gcm')
  if (isGcm && aad.length > 0) (cipher as CipherGCM).setAAD(aad)
  const body = [cipher.update(plain), cipher.final()]
  return Buffer.concat([
    vector.subarray(0, vectorBytes),
    ...body,
    ...(isGcm ? [(cipher as CipherGCM).getAuthTag()] : []),
  ])
}

function decrypted(
  text: Uint8Array,
  key: Uint8Array,
  mode: string,
  padding: string,
  aad: Uint8Array,
): Uint8Array {
  const { name, vectorBytes } = cipherOf(key, mode, padding)
  const isGcm = name.endsWith('gcm')
  const end = text.length - (isGcm ? tagBytes : 0)
  if (end < vectorBytes) throw new Error('The value is too short to have been encrypted.')
  const cipher = createDecipheriv(name, key, vectorBytes === 0 ? null : text.subarray(0, vectorBytes))
  if (isGcm) {
    if (aad.length > 0) (cipher as DecipherGCM).setAAD(aad)
    ;(cipher as DecipherGCM).setAuthTag(text.subarray(end))
  }
  return Buffer.concat([cipher.update(text.subarray(vectorBytes, end)), cipher.final()])
}

function cipherOf(key: Uint8Array, mode: string, padding: string): { name: string; vectorBytes: number } {
  if (![16, 24, 32].includes(key.length)) {
    throw new Error(`A key of AES has 16, 24 or 32 bytes, not ${key.length}.`)
  }
  const vectorBytes = { ECB: 0, CBC: 16, GCM: 12 }[mode.toUpperCase()]
  const known = mode.toUpperCase() === 'GCM' ? ['NONE', 'DEFAULT'] : ['PKCS', 'DEFAULT']
  if (vectorBytes === undefined || !known.includes(padding.toUpperCase())) {
    throw new Error(`AES knows no mode ${mode} with padding ${padding}: ECB and CBC have PKCS, GCM has NONE.`)
  }
  return { name: `aes-${key.length * 8}-${mode.toLowerCase()}`, vectorBytes }
}
