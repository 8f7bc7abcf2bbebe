import { createServer } from 'node:net'
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readTextIfThere } from '#base/system-error.ts'
import type { Address } from '#config/values.ts'
import { CliError, exitCodes } from '../exit-code.ts'
import type { DemoPlan } from './plan.ts'

const day = z.iso.date()
const memorySchema = z.strictObject({
  plan: z.strictObject({
    shiftDays: z.int(),
    firstDay: day,
    boundaryDay: day,
    lastDay: day,
    endDay: day,
  }),
  /** The day (UTC) each of the two feeds was processed: they look back from it. */
  feedDays: z.array(day).max(2),
})

/** What a later start of the demo must know of the first one. */
export interface DemoMemory {
  readonly plan: DemoPlan
  readonly feedDays: readonly string[]
}

const pathOf = (home: string) => join(home, 'demo.json')

export async function readMemory(home: string): Promise<DemoMemory | undefined> {
  const text = await readTextIfThere(pathOf(home))
  if (text === undefined) return undefined
  try {
    return memorySchema.parse(JSON.parse(text))
  } catch {
    throw new CliError(
      exitCodes.unusable,
      `${pathOf(home)} is not what the demo wrote.`,
      `Start afresh on another home: sluice demo --home FOLDER`,
    )
  }
}

export async function writeMemory(home: string, memory: DemoMemory): Promise<void> {
  await writeFile(`${pathOf(home)}.new`, `${JSON.stringify(memory)}\n`)
  await rename(`${pathOf(home)}.new`, pathOf(home))
}

/** The address, or another port of the same host when a program listens there already. */
export async function freeAddress(wanted: Address): Promise<Address> {
  const server = createServer()
  try {
    server.listen(wanted.port, wanted.host)
    await once(server, 'listening')
    return wanted
  } catch {
    return { host: wanted.host, port: 0 } // The system chooses; whatever is wrong with the host is told then.
  } finally {
    server.close()
  }
}
