import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import { sqlOutput } from '../admin/sql-output.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { databaseName } from '../query/request.ts'

const rowsShown = 100

/** `/data/foundation/export`: a look at a dataset's rows. */
export async function previewRoutes(app: App, { datasets, query }: HttpDependencies): Promise<void> {
  app.get(
    '/datasets/:id/preview',
    {
      config: guarded('catalog', 'view-datasets'),
      schema: {
        tags: ['Catalog'],
        summary: `Up to ${rowsShown} rows of a dataset`,
        params: z.object({ id: z.string() }),
        response: { 200: z.object({ data: z.array(z.looseObject({})) }) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const dataset = await datasets.get(caller, parseId('dataset', request.params.id))
      const output = sqlOutput({
        open: (onNotice) =>
          query.openSession({
            caller,
            database: databaseName(caller, 'all'),
            client: 'REST',
            permission: 'view-datasets',
            onNotice,
          }),
        sql: `SELECT * FROM "${dataset.tableName.replaceAll('"', '""')}" LIMIT ${rowsShown}`,
        format: 'json',
        signal: signalOf(reply),
        onRows: () => {},
      })
      const chunks: Uint8Array[] = []
      for await (const chunk of output) chunks.push(Buffer.from(chunk))
      return { data: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>[] }
    },
  )
}
