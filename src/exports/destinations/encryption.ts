import { AppError } from '#base/errors.ts'
import { type PgpKey, readPgpKey } from '#formats/pgp.ts'
import type { ConnectionDocument } from '../documents/entity-schemas.ts'

/**
 * The key a connection's files are encrypted with, checked; undefined: they are delivered as they are.
 * @throws AppError 'flow.invalid'
 */
export async function encryptionOf(
  specs: ConnectionDocument['encryptionSpecs'],
): Promise<PgpKey | undefined> {
  if (!specs || specs.params.encryptionAlgo === 'NONE') return undefined
  const { publicKey } = specs.params
  if (publicKey !== undefined) return await readPgpKey(publicKey)
  throw new AppError('flow.invalid', '/encryptionSpecs/params/publicKey: is missing.', {
    detail: { field: '/encryptionSpecs/params/publicKey' },
  })
}
