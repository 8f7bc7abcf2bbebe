import { X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { memoryFolder } from '../../test/support/memory-folder.ts'
import { loopbackCertificate } from './certificate.ts'

test('the certificate of this machine is its own only authority, and none for others', async () => {
  const folder = await memoryFolder()
  try {
    const { cert, key } = await loopbackCertificate(folder)
    const read = new X509Certificate(cert)
    expect([read.ca, read.verify(read.publicKey), read.subjectAltName]).toEqual([
      false,
      true,
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ])
    expect(await loopbackCertificate(folder)).toEqual({ cert, key })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
