import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { codeOf } from '#base/system-error.ts'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

const fileSchema = z.strictObject({
  keys: z
    .array(z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/), key: z.base64(), createdAt: z.string() }))
    .min(1),
})
type KeyFile = z.infer<typeof fileSchema>

/** Encrypts what must be read again (AES-256-GCM). Texts name their key, so that keys can change. */
export interface Keyring {
  /** Which key new texts are sealed with. */
  readonly currentId: string
  has(keyId: string): boolean
  /** The context is not secret and not in the text: only who gives the same one can open it. */
  seal(value: string, context: string): { readonly sealed: string; readonly keyId: string }
  /** @throws AppError 'secret.unreadable' for another key, another context, or a text that was changed. */
  open(sealed: string, context: string): string
}

/**
 * The master keys of a home, made at first use, in a file for its owner alone.
 * @throws AppError 'home.unusable'
 */
export async function loadKeyring(path: string, now: Date): Promise<Keyring> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  return keyringOf((await readKeys(path)) ?? (await makeFirst(path, now)))
}

/** Adds a key, which seals from now on; the others still open. On disk when it returns. */
export async function addKey(path: string, now: Date): Promise<Keyring> {
  const { keys } = (await readKeys(path)) ?? { keys: [] }
  const next = { keys: [...keys, newKey(now)] }
  await writeKeys(path, next, { replaces: true })
  return keyringOf(next)
}

/** Forgets keys that seal nothing any more. */
export async function dropKeys(path: string, kept: (keyId: string) => boolean): Promise<Keyring> {
  const { keys } = (await readKeys(path)) ?? { keys: [] }
  const next = { keys: keys.filter(({ id }, index) => index === keys.length - 1 || kept(id)) }
  if (next.keys.length < keys.length) await writeKeys(path, next, { replaces: true })
  return keyringOf(next)
}

function keyringOf({ keys }: KeyFile): Keyring {
  const byId = new Map(keys.map(({ id, key }) => [id, Buffer.from(key, 'base64')]))
  const [currentId, current] = [...byId].at(-1) ?? []
  if (currentId === undefined || current === undefined) {
    throw new Error('Broken invariant: a keyring without keys')
  }
  return {
    currentId,
    has: (keyId) => byId.has(keyId),
    seal: (value, context) => {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', current, nonce).setAAD(Buffer.from(context))
      const bytes = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return { sealed: `v1.${currentId}.${bytes.toString('base64url')}`, keyId: currentId }
    },
    open: (sealed, context) => {
      const [version, id = '', text = ''] = sealed.split('.')
      const key = byId.get(id)
      if (version !== 'v1' || !key) throw unreadable(id)
      const bytes = Buffer.from(text, 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(-tagBytes))
        const body = bytes.subarray(nonceBytes, -tagBytes)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch {
        throw unreadable(id) // The cause would say nothing more.
      }
    },
  }
}

function unreadable(keyId: string): AppError {
  return new AppError(
    'secret.unreadable',
    'A stored secret cannot be read with the master keys of this home.',
    {
      hint: 'Put back the file of master keys that belongs to this database.',
      detail: { keyId: keyId.slice(0, 16) },
    },
  )
}

function newKey(now: Date): KeyFile['keys'][number] {
  return {
    id: randomBytes(8).toString('hex'),
    key: randomBytes(keyBytes).toString('base64'),
    createdAt: now.toISOString(),
  }
}

async function makeFirst(path: string, now: Date): Promise<KeyFile> {
  const made = { keys: [newKey(now)] }
  try {
    await writeKeys(path, made, { replaces: false })
    return made
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const others = await readKeys(path) // Somebody else's came first.
    if (!others) throw error
    return others
  }
}

async function readKeys(path: string): Promise<KeyFile | undefined> {
  let text: string
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new AppError('home.unusable', `The master keys ${path} may be read by others.`, {
        hint: `Take that right away: chmod 600 ${path}`,
      })
    }
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const parsed = parse(text)
  const isWhole = parsed?.keys.every(({ key }) => Buffer.from(key, 'base64').length === keyBytes)
  if (parsed && isWhole) return parsed
  throw new AppError('home.unusable', `The file ${path} does not hold master keys.`, {
    hint: 'Put the file back as it was; without it stored secrets cannot be read.',
  })
}

function parse(text: string): KeyFile | undefined {
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch {
    return undefined // The parser's words could show a part of a key.
  }
}

async function writeKeys(
  path: string,
  keys: KeyFile,
  { replaces }: { readonly replaces: boolean },
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  {
    await using file = await open(draft, 'wx', 0o600)
    await file.writeFile(`${JSON.stringify(keys, undefined, 2)}\n`)
    await file.sync()
  }
  if (replaces) await rename(draft, path)
  else {
    try {
      await link(draft, path)
    } finally {
      await unlink(draft)
    }
  }
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
