import { createHash, randomBytes } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CuttingProxy, startCuttingProxy } from '../../../test/support/cutting-proxy.ts'
import { collectAll, objectStoreContract } from '../../../test/support/object-store-contract.ts'
import {
  hasOpenSsh,
  hasRclone,
  type PasswordServer,
  type SftpServer,
  startOpenSsh,
  startRcloneSftp,
} from '../../../test/support/sftp-server.ts'
import type { ObjectStore } from '../object-store.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import { chunkBytesOf } from './requests.ts'
import { openSession } from './session.ts'
import type { SftpCredentials, SftpStoreConfig } from './sftp-config.ts'
import { openSftpStore } from './sftp-store.ts'

const signal = new AbortController().signal
const mebibyte = 1024 * 1024

/** Faults pass fast; parts are small. */
const policy: RemotePolicy = {
  ...remotePolicy,
  triesMax: 4,
  firstWaitMs: 1,
  maxWaitMs: 5,
  partBytes: mebibyte / 2,
}

let server: SftpServer
let other: PasswordServer
let proxy: CuttingProxy
beforeAll(async () => {
  if (hasRclone) other = await startRcloneSftp()
  if (!hasOpenSsh) return
  server = await startOpenSsh()
  proxy = await startCuttingProxy(server.port)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
  await other?.[Symbol.asyncDispose]()
})

interface Wanted {
  readonly isProxied?: boolean
  readonly policy?: RemotePolicy
  readonly credentials?: SftpCredentials
  readonly config?: Partial<SftpStoreConfig>
  readonly onHostKey?: (fingerprint: string) => void
}

/** A folder that is not there yet. */
async function place(wanted: Wanted = {}) {
  const { path, local } = server.makeFolder()
  const folder = `${path}/some where/out`
  const again = (): Promise<ObjectStore> =>
    openSftpStore(
      {
        kind: 'sftp',
        host: '127.0.0.1',
        port: wanted.isProxied === true ? proxy.port : server.port,
        username: server.username,
        folder,
        ...wanted.config,
      },
      {
        credentials: wanted.credentials ?? { kind: 'key', privateKey: server.privateKey },
        policy: wanted.policy ?? policy,
        onHostKey: wanted.onHostKey,
      },
    )
  const store = await again()
  return {
    local: join(local, 'some where', 'out'),
    folder,
    store,
    again,
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  }
}

async function placeAtOther() {
  const { path, local } = other.makeFolder()
  const again = (): Promise<ObjectStore> =>
    openSftpStore(
      { kind: 'sftp', host: '127.0.0.1', port: other.port, username: other.username, folder: path },
      { credentials: { kind: 'password', password: other.password }, policy },
    )
  const store = await again()
  return {
    local,
    store,
    again,
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  }
}

describe.skipIf(!hasRclone)('on a server that replaces when it renames', () => {
  objectStoreContract('sftp, by password', placeAtOther, { isCreationExclusive: false })

  test('a wrong password is refused, and not shown', async () => {
    const config = { kind: 'sftp', host: '127.0.0.1', port: other.port, folder: '.' } as const
    const credentials = { kind: 'password', password: 'not-the-one' } as const
    const error = await openSftpStore({ ...config, username: other.username }, { credentials, policy }).catch(
      (refusal: unknown) => refusal,
    )
    expect(error).toMatchObject({ code: 'store.refused', meaning: { retry: false } })
    expect(inspect(error, { depth: 9 })).not.toContain('not-the-one')
  })
})

describe.skipIf(!hasOpenSsh)('on OpenSSH', () => {
  objectStoreContract('sftp', () => place())

  test('the location is for people, and what is delivered is for all to read', async () => {
    await using at = await place()
    expect(at.store.location).toMatch(
      new RegExp(`^sftp://${server.username}@127\\.0\\.0\\.1:${server.port}/.*/some%20where/out$`),
    )
    await deliver(at.store, 'a/part', Buffer.from('x'))
    expect(readdirSync(join(at.local, 'a'))).toEqual(['part'])
    expect(statSync(join(at.local, 'a', 'part')).mode & 0o444).toBe(0o444)
  })

  describe('when the connection is lost', () => {
    const bytes = randomBytes(mebibyte + 17)

    /** One of everything; what it leaves is looked at on the server's disk. */
    async function everything(store: ObjectStore): Promise<void> {
      const token = store.prepare('out/part', 'run-1')
      const staged = await store.stage(token, pieces(bytes), { signal })
      expect(staged).toEqual({ bytes: bytes.length, sha256: sha256(bytes) })
      expect(sha256(await collect(store.readStaged(token, { signal })))).toBe(staged.sha256)
      await store.complete(token, staged, { signal })
      expect(await store.putIfAbsent('out/manifest', Buffer.from('{}'), { signal })).toBe('created')
      expect(await names(store)).toEqual(['out/manifest', 'out/part'])
      expect(sha256(await collect(store.read('out/part', { signal })))).toBe(staged.sha256)
      expect((await store.head('out/part', { signal }))?.bytes).toBe(bytes.length)
      await store.abort(store.prepare('out/never', 'run-1'))
      await store.delete('out/gone')
    }

    test.each(['before', 'after'] as const)(
      'at any of its requests, %s the server heard of it, everything is done once',
      async (when) => {
        await using at = await place({ isProxied: true })
        proxy.mend()
        await everything(at.store)
        const count = proxy.pieces()
        expect(count).toBeGreaterThan(20)
        // The larger ones are many pieces of one part: some of them are enough.
        const points = Array.from({ length: count }, (_, piece) => piece).filter(
          (piece) => piece < 12 || piece > count - 24 || piece % 9 === 0,
        )
        for (const piece of points) {
          await using broken = await place({ isProxied: true })
          proxy.cut(piece, when)
          await everything(broken.store)
          expect(readdirSync(join(broken.local, 'out')).sort(), `at piece ${piece}`).toEqual([
            'manifest',
            'part',
          ])
        }
        proxy.mend()
      },
      300_000,
    )

    test('without a word, it is noticed in time', async () => {
      const hasty = { ...policy, answerMsMax: 400, completeMsMax: 400, idleMsMax: 400 }
      for (const piece of [1, 8, 30, 40]) {
        await using at = await place({ isProxied: true, policy: hasty })
        proxy.freeze(piece)
        await everything(at.store)
      }
      proxy.mend()
    })

    test('for good, it is said so, and tried so often', async () => {
      await using at = await place({ isProxied: true })
      await proxy[Symbol.asyncDispose]()
      await expect(at.store.head('a', { signal }))
        .resolves.toBeUndefined()
        .catch(() => {})
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.unreachable',
        meaning: { retry: true },
      })
      proxy = await startCuttingProxy(server.port)
    })

    test('the reason given ends a request at once', async () => {
      await using at = await place({ isProxied: true })
      proxy.freeze(0)
      const controller = new AbortController()
      const reason = new Error('enough')
      setTimeout(() => controller.abort(reason), 30)
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal: controller.signal })).rejects.toBe(
        reason,
      )
      proxy.mend()
      expect(await at.store.putIfAbsent('a', Buffer.from('x'), { signal })).toBe('created')
    })
  })

  test('a staged file that was cut is not completed', async () => {
    await using at = await place()
    const token = at.store.prepare('part', 'run-1')
    const staged = await at.store.stage(token, pieces(Buffer.from('hello')), { signal })
    truncateSync(join(at.local, readdirSync(at.local)[0]!), 4)
    await expect(at.store.complete(token, staged, { signal })).rejects.toMatchObject({
      code: 'object.missing',
    })
    expect(await at.store.head('part', { signal })).toBeUndefined()
  })

  test('a name kept for staging is refused, and links are nobody’s objects', async () => {
    await using at = await place()
    await at.store.stage(at.store.prepare('part', 'run-1'), pieces(Buffer.from('x')), { signal })
    const [staging] = readdirSync(at.local)
    await expect(at.store.delete(staging!)).rejects.toMatchObject({ code: 'request.invalid' })
    execFileSync('ln', ['-s', '/etc/passwd', join(at.local, 'link')])
    expect(await names(at.store)).toEqual([])
    await expect(collect(at.store.read('link', { signal }))).rejects.toMatchObject({ code: 'object.missing' })
  })

  test('a file that stands where a folder is needed is said as such', async () => {
    await using at = await place()
    writeFileSync(join(at.local, 'a'), 'x')
    await expect(at.store.putIfAbsent('a/b', Buffer.from('x'), { signal })).rejects.toMatchObject({
      code: expect.stringMatching(/^store\./),
    })
    await expect(place({ config: { folder: join(at.local, 'a') } })).rejects.toMatchObject({
      code: 'store.refused',
    })
  })

  test('no more is read of a file than a few parts ahead of what the server has', async () => {
    await using at = await place()
    const [count, piece] = [40, mebibyte / 4]
    let aheadMax = 0
    const source = async function* () {
      for (let given = 0; given < count; given += 1) {
        const [staging] = readdirSync(at.local)
        const there = staging === undefined ? 0 : statSync(join(at.local, staging)).size
        aheadMax = Math.max(aheadMax, given * piece - there)
        yield Buffer.alloc(piece)
      }
    }
    await at.store.stage(at.store.prepare('large', 'run-1'), source(), { signal })
    // Those under way, and the one that is being filled.
    expect(aheadMax).toBeLessThanOrEqual((policy.partsAtOnce + 1) * policy.partBytes)
    expect(aheadMax).toBeGreaterThan(0)
  })

  test.skipIf(!hasRclone)('as much is asked for at once as the server takes', async () => {
    const bytesOf = async (port: number, username: string, credentials: SftpCredentials): Promise<number> => {
      const config = { kind: 'sftp', host: '127.0.0.1', port, username, folder: '.' } as const
      const options = { credentials, isTrusted: () => true, connectMsMax: 5_000 }
      const session = await openSession(config, options)
      const bytes = chunkBytesOf(session.sftp)
      session.end()
      return bytes
    }
    const { privateKey } = server
    expect(await bytesOf(server.port, server.username, { kind: 'key', privateKey })).toBe(255 * 1024)
    const { port, username, password } = other
    expect(await bytesOf(port, username, { kind: 'password', password })).toBeLessThan(32 * 1024)
  })

  test('who only reads makes no folder', async () => {
    const { path, local } = server.makeFolder()
    const config = { kind: 'sftp', host: '127.0.0.1', port: server.port, username: server.username } as const
    const credentials = { kind: 'key', privateKey: server.privateKey } as const
    await expect(
      openSftpStore({ ...config, folder: path }, { credentials, isReadOnly: true, policy }),
    ).rejects.toMatchObject({ code: 'store.refused' })
    expect(existsSync(local)).toBe(false)
  })

  describe('the server’s key', () => {
    test('is told when it is seen first, as its owner sees it', async () => {
      const seen: string[] = []
      await using at = await place({ onHostKey: (fingerprint) => void seen.push(fingerprint) })
      await at.store.putIfAbsent('a', Buffer.from('x'), { signal })
      expect(seen).toEqual([server.hostKey])
    })

    test('that is known is not told again', async () => {
      const seen: string[] = []
      const onHostKey = (fingerprint: string) => void seen.push(fingerprint)
      await using at = await place({ config: { hostKey: server.hostKey }, onHostKey })
      expect(await names(at.store)).toEqual([])
      expect(seen).toEqual([])
    })

    test('that is another one than was known is refused before any secret is sent', async () => {
      const known = `SHA256:${'A'.repeat(43)}`
      await expect(place({ config: { hostKey: known } })).rejects.toMatchObject({
        code: 'store.refused',
        meaning: { retry: false },
        message: expect.stringContaining(`has the key ${server.hostKey}, not ${known}`),
      })
    })

    test('that changes while a store is open is refused', async () => {
      await using at = await place({ isProxied: true })
      const { port } = proxy
      await proxy[Symbol.asyncDispose]()
      await using impostor = await startOpenSsh()
      const taken = await startCuttingProxy(impostor.port, port)
      await expect(at.store.head('a', { signal })).rejects.toMatchObject({
        code: 'store.refused',
        message: expect.stringContaining(`has the key ${impostor.hostKey}, not ${server.hostKey}`),
      })
      await taken[Symbol.asyncDispose]()
      proxy = await startCuttingProxy(server.port)
    })
  })

  describe('a refusal names the server and what to do, and no secret', () => {
    test('a key that may not log in', async () => {
      await using stranger = await startOpenSsh()
      const error = await place({ credentials: { kind: 'key', privateKey: stranger.privateKey } }).catch(
        (refusal: unknown) => refusal,
      )
      expect(error).toMatchObject({ code: 'store.refused', message: expect.stringContaining('127.0.0.1') })
      expect(inspect(error, { depth: 9 })).not.toContain('PRIVATE KEY')
    })

    test('a key that cannot be read', async () => {
      const privateKey = server.privateKey.slice(0, 90)
      await expect(place({ credentials: { kind: 'key', privateKey } })).rejects.toMatchObject({
        code: 'store.refused',
        message: 'The private key cannot be read.',
      })
    })

    test('nobody there', async () => {
      await expect(place({ config: { port: 9 } })).rejects.toMatchObject({
        code: 'store.unreachable',
        message: expect.stringContaining('ECONNREFUSED'),
      })
    })

    test('a folder that may not be written', async () => {
      // Where not even root may make a file.
      await using at = await place({ config: { folder: '/sys' } })
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.refused',
      })
    })
  })

  test('OpenSSH’s own client finds what was delivered where it belongs', async () => {
    await using at = await place()
    await deliver(at.store, 'a/part', Buffer.from('hello'))
    const options = ['-i', server.keyFile, '-P', String(server.port), '-o', 'StrictHostKeyChecking=no']
    const target = `${server.username}@127.0.0.1:`
    const batch = `get "${at.folder}/a/part" "${join(at.local, '..', 'fetched')}"\n`
    execFileSync('sftp', ['-q', '-b', '-', '-o', 'UserKnownHostsFile=/dev/null', ...options, target], {
      input: batch,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    expect(statSync(join(at.local, '..', 'fetched')).size).toBe(5)
  })
})

async function deliver(store: ObjectStore, name: string, bytes: Uint8Array): Promise<void> {
  const token = store.prepare(name, 'run-1')
  await store.complete(token, await store.stage(token, pieces(bytes), { signal }), { signal })
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700_001) yield bytes.subarray(start, start + 700_001)
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collectAll(bytes))
}

async function names(store: ObjectStore): Promise<string[]> {
  return (await collectAll(store.list('', { signal }))).map((summary) => summary.name)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
