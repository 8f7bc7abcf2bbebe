import { afterAll, beforeAll } from 'vitest'
import { IngestBed, type IngestNode } from './ingest.ts'

/** One bed and one node for the tests of the file that imports them: opened before them, gone after them. */
export let bed: IngestBed
export let node: IngestNode

beforeAll(async () => {
  bed = await IngestBed.open()
  node = await bed.node()
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})

/** Another node in the place of one that is gone. */
export async function nextNode(options?: Parameters<IngestBed['node']>[0]): Promise<void> {
  node = await bed.node(options)
}
