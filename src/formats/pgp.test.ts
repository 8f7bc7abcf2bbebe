import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { decrypt, generateKey, readMessage } from 'openpgp'
import { expect, onTestFinished, test } from 'vitest'
import { encryptFile, readPgpKey } from './pgp.ts'

const { signal } = new AbortController()

function folder(): string {
  const made = mkdtempSync('/tmp/sluice-pgp-') // GnuPG's sockets need a short path.
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function newKey() {
  return await generateKey({
    type: 'rsa',
    rsaBits: 2048,
    userIDs: [{ name: 'Receiver', email: 'receiver@example.com' }],
    format: 'object',
  })
}

test('GnuPG, and the private key alone, read what was encrypted', async () => {
  const here = folder()
  const { publicKey, privateKey } = await newKey()
  const bytes = randomBytes(3_000_000)
  writeFileSync(join(here, 'plain'), bytes)
  const key = await readPgpKey(publicKey.armor())
  expect(key.fingerprint).toBe(publicKey.getFingerprint().toUpperCase())
  await encryptFile(key, join(here, 'plain'), join(here, 'plain.gpg'), { signal })
  expect(statSync(join(here, 'plain.gpg')).size).toBeGreaterThan(bytes.length)

  const message = await readMessage({ binaryMessage: readFileSync(join(here, 'plain.gpg')) })
  const { data } = await decrypt({ message, decryptionKeys: privateKey, format: 'binary' })
  expect(Buffer.from(data as Uint8Array).equals(bytes)).toBe(true)

  writeFileSync(join(here, 'private.asc'), privateKey.armor(), { mode: 0o600 })
  const gpg = (...args: string[]) =>
    execFileSync('gpg', ['--homedir', here, '--batch', '--quiet', '--no-tty', ...args], { stdio: 'pipe' })
  onTestFinished(
    () => void execFileSync('gpgconf', ['--homedir', here, '--kill', 'all'], { stdio: 'ignore' }),
  )
  gpg('--import', join(here, 'private.asc'))
  gpg('--output', join(here, 'decrypted'), '--decrypt', join(here, 'plain.gpg'))
  expect(readFileSync(join(here, 'decrypted')).equals(bytes)).toBe(true)
})

test('a key is read as clients send it: as a block, in Base64, or without its first and last line', async () => {
  const { publicKey, privateKey } = await newKey()
  const block = publicKey.armor()
  const bare = block
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('-----'))
    .join('\n')
    .trim()
  for (const text of [block, Buffer.from(block).toString('base64'), bare])
    expect((await readPgpKey(text)).fingerprint).toBe(publicKey.getFingerprint().toUpperCase())
  for (const text of ['', 'nonsense', privateKey.armor(), 'x'.repeat(100_001)])
    await expect(readPgpKey(text)).rejects.toMatchObject({ code: 'flow.invalid' })
})
