import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, readTextIfThere } from '#base/system-error.ts'

/** Signs manifests; its public half stands in each of them. */
export interface SigningKey {
  /** SPKI, DER, base64. */
  readonly publicKey: string
  sign(text: string): string
}

const fileName = 'manifest-signing.pem'

/** The key of this home, made when it is not there. Two who make it at once agree on one. */
export async function loadSigningKey(keysFolder: string): Promise<SigningKey> {
  await mkdir(keysFolder, { recursive: true, mode: 0o700 })
  const path = join(keysFolder, fileName)
  const pem = (await readTextIfThere(path)) ?? (await makeKey(keysFolder, path))
  const privateKey = createPrivateKey(pem)
  return {
    publicKey: spki(createPublicKey(privateKey)),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

/** False for a wrong signature, one that is spelt in another way, and for keys or signatures that are none. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    const bytes = Buffer.from(signature, 'base64')
    return (
      key.asymmetricKeyType === 'ed25519' &&
      // The last letter has bits that say nothing.
      bytes.toString('base64') === signature &&
      verify(null, Buffer.from(text), key, bytes)
    )
  } catch {
    return false // A key that can't be read has signed nothing.
  }
}

/** For people to compare: the start of the public key's SHA-256. */
export function keyIdOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex').slice(0, 16)
}

async function makeKey(folder: string, path: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const draft = join(folder, `.${fileName}.${randomUUID()}`)
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(pem)
    await file.sync()
  } finally {
    await file.close()
  }
  try {
    await link(draft, path)
    return pem
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return await readFile(path, 'utf8') // Somebody else's came first.
  } finally {
    await rm(draft, { force: true })
  }
}

function spki(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64')
}
