import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { ScramVerifier } from './access.ts'

const derive = promisify(pbkdf2)

/** PostgreSQL's own number; our passwords are random, so more would only slow a login. */
const scramIterations = 4096
const saltBytes = 16

/** What proves knowledge of the password without keeping it (RFC 5802, SHA-256 after RFC 7677). */
export async function scramVerifierOf(
  password: string,
  {
    salt = randomBytes(saltBytes),
    iterations = scramIterations,
  }: { salt?: Buffer; iterations?: number } = {},
): Promise<ScramVerifier> {
  const salted = await derive(preparePassword(password), salt, iterations, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  return {
    iterations,
    salt,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  }
}

/**
 * SASLprep as far as passwords people type need it: odd spaces become spaces, soft hyphens and joiners vanish,
 * NFKC. A password with control characters is used as it is, as PostgreSQL does with one SASLprep refuses.
 */
export function preparePassword(password: string): string {
  const prepared = password
    .replaceAll(/\p{Zs}/gu, ' ')
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFKC')
  return prepared === '' || /\p{Cc}/u.test(prepared) ? password : prepared
}
