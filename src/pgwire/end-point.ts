import { createHash, X509Certificate } from 'node:crypto'

/**
 * What ties a sign-in to the server's certificate (`tls-server-end-point`, RFC 5929): its hash by the algorithm it is
 * signed with; undefined where that names none, as Ed25519 and RSA-PSS do.
 */
export function endPointOf(cert: string): Buffer | undefined {
  const { raw, signatureAlgorithm = '' } = new X509Certificate(cert)
  const [, bits] = /(?:sha-?|md)(\d+)/i.exec(signatureAlgorithm) ?? []
  if (bits === undefined) return undefined
  const isWeak = bits === '1' || bits === '5'
  return createHash(isWeak ? 'sha256' : `sha${bits}`)
    .update(raw)
    .digest()
}
