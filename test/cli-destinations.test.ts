import { writeFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { destinationKinds, startDestination } from './support/destinations.ts'
import { type Product, startProduct } from './support/product.ts'
import { sluice } from './support/sluice.ts'

let base: string
let home: string
let product: Product
beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-places-')
  await chmod(base, 0o711)
  home = join(base, 'home')
  product = await startProduct({ home })
  writeFileSync(join(base, 'orders.csv'), 'id,customer\n1,Ann\n2,Bob\n3,Cleo\n')
  await sluice(['dataset', 'create', 'orders', '--from', join(base, 'orders.csv'), '--home', home])
  await sluice(['dataset', 'load', 'orders', join(base, 'orders.csv'), '--home', home])
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

describe.each(destinationKinds)('to %s by the command line', (kind) => {
  test('an export is made, delivered, shown, verified and restored, and no secret is said', async () => {
    await using server = await startDestination(kind)
    const { uri, flags, env: given, auth } = await server.make()
    // Google's own variable names a file.
    const keyFile = join(base, 'service-account.json')
    const { serviceAccountKey } = (auth as { params: { serviceAccountKey?: string } }).params
    if (serviceAccountKey !== undefined) writeFileSync(keyFile, serviceAccountKey)
    const env = { ...given, GOOGLE_APPLICATION_CREDENTIALS: keyFile, AWS_CA_BUNDLE: '' }
    const run = (...args: string[]) => sluice([...args, '--home', home], { env })
    const name = `to ${kind}`
    const made = await run('export', 'create', name, '--dataset', 'orders', '--to', uri, ...flags)
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(uri) })
    const delivered = await run('export', 'run', name)
    expect(delivered).toMatchObject({ code: 0, out: expect.stringContaining('Published 3 rows') })
    const verified = await sluice(['verify', uri, ...flags, '--format', 'json'], { env })
    expect([verified.code, verified.err.includes('Error')]).toEqual([0, false])
    expect(JSON.parse(verified.out)).toMatchObject({ isRight: true, rowCount: 3, findings: [] })
    const back = await run('restore', uri, ...flags, '--dataset', `from ${kind}`)
    expect(back).toMatchObject({ code: 0, out: expect.stringContaining('3 rows in 1 file') })
    expect(await product.rows(`SELECT * FROM from_${kind} ORDER BY id`)).toEqual(
      await product.rows('SELECT * FROM orders ORDER BY id'),
    )
    const shown = await run('export', 'show', name)
    const asJson = await run('export', 'show', name, '--format', 'json')
    expect(shown.code).toBe(0)
    if (kind === 'sftp') expect(shown.out).toMatch(/key SHA256:[A-Za-z0-9+/]{43}/)
    const said = [made, delivered, verified, back, shown, asJson].map(({ out, err }) => out + err).join('\n')
    for (const value of Object.values((auth as { params: Record<string, unknown> }).params)) {
      if (typeof value !== 'string' || value.length < 39 || value.startsWith('http')) continue
      expect(said + product.output()).not.toContain(value)
    }
  })
})
