import { randomUUID } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { readTextIfThere } from '#base/system-error.ts'
import type { ChainLink } from '#metadata/audit-chain.ts'

/** What the home knows of the chain: who can write the database alone cannot make a chain that agrees with it. */
export interface AuditNotes {
  readonly headFile: string
  readonly marksFile: string
}

/** What the chain was like over time. */
export interface AuditMarks {
  /** Entries since then must all be there. It only moves on. */
  readonly keptSince: Date
  /** One a day, the oldest first: so long was the chain then. */
  readonly marks: readonly { readonly at: Date; readonly sequence: bigint }[]
}

const sequence = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt)
const moment = z.iso.datetime().transform((text) => new Date(text))
const headSchema = z.object({ sequence, hash: z.string().regex(/^[0-9a-f]{64}$/) })
const marksSchema = z.object({
  keptSince: moment,
  marks: z.array(z.object({ at: moment, sequence })),
})

export async function readHead({ headFile }: AuditNotes): Promise<ChainLink | undefined> {
  const head = await readNote(headFile, headSchema)
  return head && { sequence: head.sequence, hash: Buffer.from(head.hash, 'hex') }
}

export async function noteHead({ headFile }: AuditNotes, head: ChainLink): Promise<void> {
  await writeNote(headFile, { sequence: String(head.sequence), hash: head.hash.toString('hex') })
}

export async function readMarks({ marksFile }: AuditNotes): Promise<AuditMarks | undefined> {
  return await readNote(marksFile, marksSchema)
}

export async function noteMarks({ marksFile }: AuditNotes, { keptSince, marks }: AuditMarks): Promise<void> {
  await writeNote(marksFile, {
    keptSince: keptSince.toISOString(),
    marks: marks.map((mark) => ({ at: mark.at.toISOString(), sequence: String(mark.sequence) })),
  })
}

async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readTextIfThere(path)
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new AppError(
      'home.unusable',
      `The file ${path} does not hold what is known of the audit's chain.`,
      {
        cause,
      },
    )
  }
}

async function writeNote(path: string, document: object): Promise<void> {
  // Two sealers may note at once; the earlier note last is only behind.
  const draft = `${path}.${randomUUID()}.new`
  {
    await using file = await open(draft, 'w', 0o600)
    await file.writeFile(`${JSON.stringify(document)}\n`)
    await file.sync()
  }
  await faultPoint('audit.head.middle')
  await rename(draft, path)
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}
