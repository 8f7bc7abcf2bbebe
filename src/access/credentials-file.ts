import { link, open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type OrganizationId, parseId } from '#base/ids.ts'
import { codeOf } from '#base/system-error.ts'
import type { Credentials } from './access.ts'

const schema = z.strictObject({
  organizationId: z.string().transform((text): OrganizationId => parseId('organization', text)),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  sqlUser: z.string().min(1),
  sqlPassword: z.string().min(1),
})

/** @throws AppError 'home.unusable' when it cannot be read as credentials. */
export async function readCredentials(path: string): Promise<Credentials | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new AppError('home.unusable', `The credentials ${path} cannot be read.`, { cause: error })
  }
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError('home.unusable', `The file ${path} does not hold credentials of Sluice.`, {
      cause,
      hint: 'Put the file back as it was made, or move it away and make new ones: sluice credentials --rotate',
    })
  }
}

/** Whole or not at all, for the owner only, on disk when it returns. An existing file is replaced only when told. */
export async function writeCredentials(
  path: string,
  credentials: Credentials,
  { replaces }: { readonly replaces: boolean },
): Promise<void> {
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`
  {
    await using file = await open(unfinished, 'wx', 0o600)
    await file.writeFile(`${JSON.stringify(credentials, undefined, 2)}\n`)
    await file.sync()
  }
  if (replaces) await rename(unfinished, path)
  else {
    try {
      await link(unfinished, path)
    } finally {
      await unlink(unfinished)
    }
  }
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
