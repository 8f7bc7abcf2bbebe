import { hashSecret, isSecret } from '#access/secrets.ts'
import type { LandingKey } from '#exports/landing-zones.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { S3Error } from './s3-error.ts'
import { isSignedWith, readSigned, type Request } from './signature.ts'

/** The key a request is signed with. @throws S3Error */
export async function authenticate(
  { landing, clock }: Pick<HttpDependencies, 'landing' | 'clock'>,
  request: Request,
): Promise<LandingKey> {
  const signed = readSigned(request, clock.now())
  const key = await landing.keyOf(signed.accessKeyId)
  if (!key) throw new S3Error('InvalidAccessKeyId', 'The key is unknown, or was ended by a newer one.')
  if (!isSignedWith(signed, key.secretAccessKey)) {
    throw new S3Error('SignatureDoesNotMatch', 'The signature is not that of this request by this key.')
  }
  if (!isSecret(signed.sessionToken ?? '', hashSecret(key.sessionToken))) {
    throw new S3Error('InvalidToken', 'The session token is missing, or of another key.')
  }
  if (key.expiresAt <= clock.now()) {
    throw new S3Error('ExpiredToken', `The key was good until ${key.expiresAt.toISOString()}.`)
  }
  return key
}
