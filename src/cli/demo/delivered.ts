import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { CliHost } from '../host.ts'

const manifestSchema = z.object({
  chain: z.object({ number: z.number() }),
  files: z.array(z.object({ name: z.string() })),
})

/** A delivery as its files say it, read by other code than that which wrote them. */
export interface Delivery {
  readonly folder: string
  readonly fileNames: readonly string[]
  readonly eventIds: readonly string[]
}

/** All deliveries that manifests in the folder name, in order. */
export async function readDeliveries(host: CliHost, folder: string): Promise<Delivery[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] // Nothing has been delivered yet.
    throw error
  })
  const manifests: z.infer<typeof manifestSchema>[] = []
  for (const name of names) {
    if (!/(?:^|\/)manifest-[^/]*\.json$/.test(name)) continue
    const manifest = manifestSchema.safeParse(JSON.parse(await readFile(join(folder, name), 'utf8')))
    if (manifest.success) manifests.push(manifest.data) // The others are the platform's own, with less in them.
  }
  manifests.sort((one, other) => one.chain.number - other.chain.number)
  const deliveries: Delivery[] = []
  for (const { files } of manifests) {
    const eventIds: string[] = []
    for (const file of files) {
      for (const id of await host.deliveredValues(join(folder, file.name), 'event_id'))
        eventIds.push(String(id))
    }
    const fileNames = files.map((file) => file.name)
    deliveries.push({ folder: fileNames[0]?.split('/').slice(0, -1).join('/') ?? '', fileNames, eventIds })
  }
  return deliveries
}
