import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { pipeline } from 'node:stream/promises'
import type { Key } from 'openpgp'
import { AppError } from '#base/errors.ts'

const begin = '-----BEGIN PGP PUBLIC KEY BLOCK-----'
const end = '-----END PGP PUBLIC KEY BLOCK-----'
const keyCharactersMax = 100_000

/** What encrypts files for somebody. */
export interface PgpKey {
  /** The block as OpenPGP writes it. */
  readonly armored: string
  /** Upper-case hexadecimal, as GnuPG shows it. */
  readonly fingerprint: string
}

/** Not at start: most servers encrypt nothing. */
const openpgp = () => import('openpgp')

/**
 * Reads a public key: a whole block, a whole block in Base64, or what stands between its first and last line.
 * @throws AppError 'flow.invalid' when it is none, or none that encrypts today
 */
export async function readPgpKey(text: string): Promise<PgpKey> {
  if (text.length > keyCharactersMax) throw invalid(`has more than ${keyCharactersMax} characters`)
  const { readKey } = await openpgp()
  let key: Key
  try {
    key = await readKey({ armoredKey: blockOf(text) })
  } catch (cause) {
    throw invalid('is no public key of OpenPGP', cause)
  }
  if (key.isPrivate()) throw invalid('is a private key: give the public one')
  try {
    await key.getEncryptionKey()
  } catch (cause) {
    throw invalid('does not encrypt: it has expired, was revoked, or is for signatures alone', cause)
  }
  return { armored: key.armor(), fingerprint: key.getFingerprint().toUpperCase() }
}

function blockOf(text: string): string {
  const trimmed = text.trim()
  if (trimmed.includes(begin)) return trimmed
  const decoded = Buffer.from(trimmed, 'base64').toString('utf8')
  if (decoded.includes(begin)) return decoded
  return `${begin}\n\n${trimmed}\n${end}\n`
}

/** Encrypts a file as GnuPG does with `--encrypt`, without compressing it; memory does not depend on its size. */
export async function encryptFile(
  { armored }: Pick<PgpKey, 'armored'>,
  from: string,
  to: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { createMessage, encrypt, readKey } = await openpgp()
  const encryptionKeys = await readKey({ armoredKey: armored })
  const source = Readable.toWeb(createReadStream(from)) as WebStream<Uint8Array>
  const message = await createMessage({ binary: source as never })
  const encrypted = (await encrypt({ message, encryptionKeys, format: 'binary' })) as unknown
  await pipeline(Readable.fromWeb(encrypted as WebStream<Uint8Array>), createWriteStream(to), { signal })
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError('flow.invalid', `/encryptionSpecs/params/publicKey ${what}.`, {
    cause,
    detail: { field: '/encryptionSpecs/params/publicKey' },
  })
}
