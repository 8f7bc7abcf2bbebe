import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { checkedUrl, deliverWebhook } from './deliver-webhook.ts'
import { isPublicAddress } from './public-address.ts'

test.each([
  '127.0.0.1',
  '0.0.0.0',
  '10.1.2.3',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fd00::1',
  'ff02::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '::ffff:0:7f00:1',
  'fec0::1',
  'no address',
])('%s leads inside', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each(['1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:1.1.1.1'])('%s is public', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

test.each([
  'http://example.com/',
  'ftp://example.com/',
  'https://user:secret@example.com/',
  'nothing',
  'https://127.0.0.1/',
  'https://[::1]/',
  'https://2130706433/',
  'https://0x7f.1/',
])('a webhook to %s is refused', (url) => {
  expect(() => checkedUrl(url, false)).toThrow()
})

test('a name that leads inside is not connected to', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  server.on('connection', () => (asked += 1))
  try {
    const post = {
      url: `https://localhost:${port}/`,
      headers: {},
      body: '{}',
      signal: new AbortController().signal,
    }
    await expect(deliverWebhook({ ...post, allowsPrivate: false })).rejects.toMatchObject({
      code: 'notify.refused',
    })
    expect(asked).toBe(0)
    await deliverWebhook({ ...post, url: `http://localhost:${port}/`, allowsPrivate: true })
    expect(asked).toBeGreaterThan(0)
  } finally {
    server.close()
  }
})
