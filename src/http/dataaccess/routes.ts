import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { BatchData, Ingest } from '#ingest/ingest.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'
import { addLoadedFiles } from './loaded-files.ts'
import { pageOf, paging } from './page.ts'
import { sendRange } from '../gateway/send-range.ts'

const tags = ['Data access']
const config = guarded('catalog', 'view-datasets')
const querystring = z.object({
  path: z.string().min(1).max(1_100).optional().describe('A file to download, or a folder to list'),
  ...paging,
})

/** `/data/foundation/export/batches`: the files of a batch that failed, and what is known of those of any. */
export async function dataAccessRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addLoadedFiles(app, dependencies)
  addFiles(app, dependencies, {
    place: 'failed',
    summary: 'Files of a batch that failed, as they were uploaded',
    list: 'failedFiles',
  })
  addFiles(app, dependencies, {
    place: 'meta',
    summary: 'Refused rows with their reasons, and the names of the files of a batch',
    list: 'metaFiles',
  })
}

interface Place {
  readonly place: 'failed' | 'meta'
  readonly summary: string
  readonly list: keyof Pick<Ingest, 'failedFiles' | 'metaFiles'>
}

function addFiles(app: App, { access, ingest }: HttpDependencies, { place, summary, list }: Place): void {
  app.get(
    `/batches/:id/${place}`,
    { config, schema: { tags, summary, params: z.object({ id: z.string() }), querystring } },
    async (request, reply) => {
      const caller = callerOf(request)
      const batchId = parseId('batch', request.params.id)
      const files = await ingest[list](caller, batchId)
      const { path } = request.query
      const file = files.find(({ name }) => name === path)
      if (!file) {
        const entries = entriesIn(files, path, place)
        if (!entries) {
          throw new AppError(
            'object.missing',
            `The batch has no file ${JSON.stringify(path?.slice(0, 200))}.`,
          )
        }
        const url = request.url.split('?')[0] ?? ''
        return await reply.send(
          pageOf(entries, { ...request.query, url }, (entry) => ({
            name: entry.name,
            ...(entry.bytes === undefined ? {} : { length: String(entry.bytes) }),
            _links: { self: { href: `${url}?path=${encodeURIComponent(entry.path)}` } },
          })),
        )
      }
      if (request.method !== 'HEAD') {
        await recordDownload(access, caller, { assetType: 'Batch', assetId: batchId, detail: { place } })
      }
      return await sendRange(request, reply, file)
    },
  )
}

interface Entry {
  /** As the list shows it. */
  readonly name: string
  readonly path: string
  readonly bytes: number | undefined
}

/** Undefined: there is no such folder. The names of failed files are the client's own and make no folders. */
function entriesIn(
  files: readonly BatchData[],
  folder: string | undefined,
  place: Place['place'],
): readonly Entry[] | undefined {
  if (place === 'failed') {
    return folder === undefined ? files.map(({ name, bytes }) => ({ name, path: name, bytes })) : undefined
  }
  if (folder !== undefined) {
    const prefix = folder.endsWith('/') ? folder : `${folder}/`
    if (prefix !== 'row_errors/' && prefix !== 'input_files/') return undefined
    return files.flatMap(({ name, bytes }) =>
      name.startsWith(prefix) ? [{ name: name.slice(prefix.length), path: name, bytes }] : [],
    )
  }
  const folders = new Set(files.flatMap(({ name }) => (name.includes('/') ? [name.split('/')[0] ?? ''] : [])))
  return [
    ...[...folders].map((name) => ({ name, path: name, bytes: undefined })),
    ...files.flatMap(({ name, bytes }) => (name.includes('/') ? [] : [{ name, path: name, bytes }])),
  ]
}
