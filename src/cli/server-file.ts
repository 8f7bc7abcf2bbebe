import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { processBirth } from '#base/process-birth.ts'

const schema = z.strictObject({
  pid: z.number(),
  /** Tells this process from a later one with the same number. */
  birth: z.string(),
  http: z.string(),
  postgres: z.string(),
})

export type ServerAddress = z.infer<typeof schema>

const pathOf = (home: string) => join(home, 'server.json')

/** Says where the server of this home listens; removed when disposed. */
export async function announceServer(
  home: string,
  addresses: { readonly http: string; readonly postgres: string },
): Promise<AsyncDisposable> {
  const path = pathOf(home)
  const address: ServerAddress = {
    pid: process.pid,
    birth: processBirth(process.pid) ?? '',
    http: addresses.http,
    postgres: addresses.postgres,
  }
  await writeFile(`${path}.new`, `${JSON.stringify(address)}\n`, { mode: 0o644 })
  await rename(`${path}.new`, path)
  return {
    [Symbol.asyncDispose]: async () => {
      const now = await findServer(home)
      if (now?.pid === process.pid) await rm(path, { force: true })
    },
  }
}

/** The server that runs on the home; a file left by one that was killed counts as none. */
export async function findServer(home: string): Promise<ServerAddress | undefined> {
  let text: string
  try {
    text = await readFile(pathOf(home), 'utf8')
  } catch {
    return undefined // No file, no home, or not ours to read: then no server of ours either.
  }
  const parsed = schema.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  return processBirth(parsed.data.pid) === parsed.data.birth ? parsed.data : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // The schema refuses it.
  }
}
