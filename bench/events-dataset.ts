import { readFileSync } from 'node:fs'
import type { Product } from '../test/support/product.ts'

/** A dataset for the generated events. */
export async function createEvents(product: Product): Promise<string> {
  return (await createEventsOf(product, 'events')).datasetId
}

export async function createEventsOf(
  product: Product,
  name: string,
): Promise<{ readonly datasetId: string; readonly schemaId: string }> {
  const string = { type: 'string' }
  const schema = await product.call<{ $id: string }>(
    'POST',
    '/data/foundation/schemaregistry/tenant/schemas',
    {
      title: `bench ${name}`,
      type: 'object',
      properties: {
        _id: string,
        timestamp: { type: 'string', format: 'date-time' },
        user_id: string,
        event_type: string,
        channel: string,
        page: { type: 'object', properties: { name: string, url: string } },
        value: { type: 'number' },
      },
    },
  )
  const [reference] = await product.call<string[]>('POST', '/data/foundation/catalog/dataSets', {
    name,
    schemaRef: { id: schema.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  return { datasetId: reference!.split('/').at(-1)!, schemaId: schema.$id }
}

interface FileToLoad {
  readonly file: string
  readonly format: 'parquet' | 'json' | 'csv'
}

export async function loadFile(product: Product, datasetId: string, file: FileToLoad): Promise<void> {
  await loadBatch(product, await uploadFile(product, datasetId, file))
}

/** @returns the batch that the file is in */
export async function uploadFile(
  product: Product,
  datasetId: string,
  { file, format }: FileToLoad,
): Promise<string> {
  const { id } = await product.call<{ id: string }>('POST', '/data/foundation/import/batches', {
    datasetId,
    inputFormat: { format },
  })
  await product.upload(
    `/data/foundation/import/batches/${id}/datasets/${datasetId}/files/events.${format}`,
    readFileSync(file),
  )
  return id
}

/** Until its rows are there. */
export async function loadBatch(product: Product, id: string): Promise<void> {
  await product.call('POST', `/data/foundation/import/batches/${id}?action=COMPLETE`)
  const startedAt = performance.now()
  // Each look is work for the server that is measured: on a machine that is slow today there are no more of them.
  const waitMs = () => Math.max(50, (performance.now() - startedAt) / 16)
  await until(async () => {
    const batch = (
      await product.call<Record<string, { status: string }>>('GET', `/data/foundation/catalog/batches/${id}`)
    )[id]
    if (batch?.status === 'failed') throw new Error(`The load failed: ${JSON.stringify(batch)}`)
    return batch?.status === 'success'
  }, waitMs)
}

export async function until(isDone: () => Promise<boolean>, waitMs = () => 20): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, waitMs()))
}
