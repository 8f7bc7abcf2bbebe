import { link, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { processBirth } from '#base/process-birth.ts'
import { codeOf, readTextIfThere } from '#base/system-error.ts'

const entrySchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('held'), pid: z.number(), birth: z.string() }),
  z.strictObject({ state: z.literal('free') }),
])
type Entry = z.infer<typeof entrySchema>

/** Each one loses only against another who took the lock meanwhile. */
const attemptsMax = 50

/**
 * One Sluice a home. The folder holds numbered entries, made whole and never overwritten; the highest says who
 * holds the lock. To take it is to make the next number, which only one of many can; who dies leaves an entry whose
 * process is gone, and that is as good as free. Lower entries are history and removed; the highest never is, so a
 * slow taker who saw an old one can at most make a number that is not the highest, and notices.
 * @throws AppError 'home.in_use' naming the process that holds it.
 */
export async function lockHome(folder: string): Promise<AsyncDisposable> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const birth = processBirth(process.pid)
  if (birth === undefined) throw new Error('This process does not find itself.')
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const highest = await highestNumber(folder)
    const entry = await readEntry(folder, highest)
    if (entry === 'gone') continue // Somebody took it and tidied up: look again.
    if (entry?.state === 'held' && processBirth(entry.pid) === entry.birth) {
      throw new AppError('home.in_use', `Another Sluice, process ${entry.pid}, uses this home.`, {
        hint: `Use that one, end it (kill ${entry.pid}), or choose another folder with --home.`,
        detail: { pid: entry.pid },
      })
    }
    const mine = highest + 1
    if (!(await makeEntry(folder, mine, { state: 'held', pid: process.pid, birth }))) continue
    if ((await highestNumber(folder)) !== mine) {
      await rm(join(folder, String(mine)))
      continue
    }
    await removeBelow(folder, mine)
    return { [Symbol.asyncDispose]: () => release(folder, mine) }
  }
  throw new AppError('home.in_use', 'Many processes want this home at once.', {
    hint: 'Try again in a moment.',
  })
}

async function release(folder: string, mine: number): Promise<void> {
  await makeEntry(folder, mine + 1, { state: 'free' })
  await removeBelow(folder, mine + 1)
}

async function highestNumber(folder: string): Promise<number> {
  const names = await readdir(folder)
  return Math.max(0, ...names.filter((name) => /^\d+$/.test(name)).map(Number))
}

async function readEntry(folder: string, number: number): Promise<Entry | 'gone' | undefined> {
  if (number === 0) return undefined
  const text = await readTextIfThere(join(folder, String(number)))
  if (text === undefined) return 'gone'
  const parsed = entrySchema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  // Entries appear whole; one that does not read was harmed by a loss of power, when its process ended too.
  return { state: 'free' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The schema refuses it.
  }
}

/** False when the number is taken. */
async function makeEntry(folder: string, number: number, entry: Entry): Promise<boolean> {
  const unfinished = join(folder, `new-${randomBytes(8).toString('hex')}`)
  {
    await using file = await open(unfinished, 'wx', 0o644)
    await file.writeFile(JSON.stringify(entry))
    await file.sync()
  }
  try {
    await link(unfinished, join(folder, String(number)))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function removeBelow(folder: string, number: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^\d+$/.test(name) && Number(name) < number) await rm(join(folder, name), { force: true })
  }
}
