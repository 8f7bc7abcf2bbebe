import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TlsFiles {
  /** PEM, a chain if need be. */
  readonly cert: string
  /** PEM. */
  readonly key: string
}

const validDays = 825
/** A certificate that ends sooner is replaced. */
const renewDays = 30
const dayMs = 86_400_000

/** A certificate of our own for this machine's loopback addresses, made once and kept for the owner only. */
export async function loopbackCertificate(folder: string, now: Date = new Date()): Promise<TlsFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const paths = { cert: join(folder, 'loopback.crt'), key: join(folder, 'loopback.key') }
  const kept = await readKept(paths, now)
  if (kept) return kept
  const { generate } = await import('selfsigned') // Slow to load, and needed once.
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // An hour back, for clocks that differ a little.
    notBeforeDate: new Date(now.getTime() - 3_600_000),
    notAfterDate: new Date(now.getTime() + validDays * dayMs),
    extensions: [
      // Trusted by itself, and no authority: some clients (rustls) take none for a server's own certificate.
      // Nor may it say what its key is for: OpenSSL 1.1 takes one that signs no certificates for one of somebody else's.
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  // The key first: a certificate without its key would be taken for a whole pair.
  await writeWhole(paths.key, made.private)
  await writeWhole(paths.cert, made.cert)
  return { cert: made.cert, key: made.private }
}

/** The pair that is there, if it is whole, belongs together and lasts a while. */
async function readKept(paths: TlsFiles, now: Date): Promise<TlsFiles | undefined> {
  try {
    const [cert, key] = await Promise.all([readFile(paths.cert, 'utf8'), readFile(paths.key, 'utf8')])
    const parsed = new X509Certificate(cert)
    const isUsable =
      parsed.validToDate.getTime() > now.getTime() + renewDays * dayMs &&
      parsed.checkPrivateKey(createPrivateKey(key))
    return isUsable ? { cert, key } : undefined
  } catch {
    return undefined // Missing or damaged: a new pair is as good, nobody has to trust this one by name.
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.new`
  await writeFile(unfinished, text, { mode: 0o600 })
  await rename(unfinished, path)
}
