import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A secret nobody can guess: 256 bits, safe in URLs, headers and connection strings. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Fit for secrets of `newSecret` only: what cannot be guessed needs no slow hash. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Takes as long for every secret, right or wrong. */
export function isSecret(secret: string, hash: Buffer): boolean {
  return timingSafeEqual(hashSecret(secret), hash)
}
