import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import { structType } from '#types/data-type.ts'
import { parseSparkType } from '#types/spark-ddl.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

/** Tables made of columns, which have names that no schema of XDM allows. */
export function addDatasets(app: App, { datasets }: HttpDependencies): void {
  app.post(
    '/datasets',
    {
      config: guarded('sluice', 'manage-datasets'),
      schema: {
        tags: ['Sluice'],
        summary: 'Make a dataset of columns',
        description: 'As CREATE TABLE makes one: its schema is those columns and belongs to it alone.',
        body: z.strictObject({
          name: z.string().min(1).max(255),
          tableName: z.string().max(255).optional().describe('In SQL; absent: made from the name'),
          description: z.string().max(4000).optional(),
          tags: z.record(z.string(), z.array(z.string())).optional(),
          columns: z
            .array(z.strictObject({ name: z.string(), type: z.string().describe('As Spark’s DDL has it') }))
            .min(1),
        }),
        response: { 201: z.object({ id: z.string() }) },
      },
    },
    async (request, reply) => {
      const { name, tableName, description, tags, columns } = request.body
      const fields = columns.map((column) => ({ name: column.name, type: parseSparkType(column.type) }))
      const { id } = await datasets.create(callerOf(request), {
        name,
        schema: { kind: 'columns', columns: structType(fields) },
        ...(tableName === undefined ? {} : { tableName }),
        ...(description === undefined ? {} : { description }),
        ...(tags === undefined ? {} : { tags }),
      })
      return await reply.code(201).send({ id })
    },
  )
  app.put(
    '/datasets/:id/managed-by',
    {
      config: guarded('sluice', 'manage-datasets'),
      schema: {
        tags: ['Sluice'],
        summary: 'Give a dataset to the system, or take it back',
        description:
          'A system dataset is read-only and cannot be deleted. To take it back is for administrators of the organisation.',
        params: z.object({ id: z.string() }),
        body: z.strictObject({ managedBy: z.enum(['CUSTOMER', 'SYSTEM']) }),
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const { managedBy } = request.body
      await datasets.setManagedBy(callerOf(request), parseId('dataset', request.params.id), managedBy)
      return await reply.code(204).send()
    },
  )
}
