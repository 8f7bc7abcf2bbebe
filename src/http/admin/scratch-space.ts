import { z } from 'zod'
import { copyUriOf, type ScratchCopy } from '#query/scratch-space.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']
const config = guarded('sluice', 'manage-queries')
const id = z.string().max(100)

const copyDocument = z.object({
  id: z.string(),
  copyURI: z.string().describe('As the statement named it, with the id'),
  format: z.enum(['parquet', 'csv', 'json']),
  rowCount: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), rowCount: z.number() })),
  created: z.iso.datetime(),
  expires: z.iso.datetime(),
})

/** What the caller's COPY statements put into the scratch space: his alone. */
export function addScratchSpace(app: App, { access, query }: HttpDependencies): void {
  const { scratch } = query
  app.get(
    '/scratch-space',
    {
      config,
      schema: {
        tags,
        summary: 'Your copies in the scratch space, newest first',
        description: "Made by `COPY … TO '%scratch_space%/folder'`; each is there whole, for seven days.",
        response: { 200: z.object({ copies: z.array(copyDocument) }) },
      },
    },
    async (request) => ({ copies: (await scratch.list(callerOf(request))).map(documentOf) }),
  )
  app.get(
    '/scratch-space/:id/files/:name',
    {
      config,
      schema: { tags, summary: 'A file of a copy', params: z.object({ id, name: z.string().max(100) }) },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id, name } = request.params
      const { bytes, stream } = await scratch.open(caller, id, name)
      try {
        await access.audit({
          principalId: caller.principal.id,
          sandboxId: caller.sandbox.id,
          action: 'download',
          assetType: 'Scratch copy',
          assetId: id,
          status: 'Allow',
          detail: { file: name, bytes },
        })
      } catch (error) {
        stream.destroy()
        throw error
      }
      return await reply
        .type('application/octet-stream')
        .header('content-length', bytes)
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(stream)
    },
  )
  app.delete(
    '/scratch-space/:id',
    {
      config,
      schema: { tags, summary: 'Delete a copy', params: z.object({ id }), response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await scratch.remove(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
}

function documentOf(copy: ScratchCopy) {
  const { id, format, rowCount, files, createdAt, expiresAt } = copy
  return {
    id,
    copyURI: copyUriOf(copy),
    format,
    rowCount,
    files: [...files],
    created: createdAt.toISOString(),
    expires: expiresAt.toISOString(),
  }
}
