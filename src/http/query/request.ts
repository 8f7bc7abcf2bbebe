import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { QueryRequest } from '#query/background.ts'
import { parameterValues } from './parameter-values.ts'

const datasetName = z.string().min(1).max(255)

/** Clients write null for what they leave out. */
export function orNull<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined)
}

/** What a query is made of, alone or in a schedule. */
export const queryBody = z.looseObject({
  dbName: z
    .string()
    .max(200)
    .nullish()
    .transform((name) => name ?? 'all')
    .describe(
      '`<sandbox>:all`, as where it is left out, or `<sandbox>:<database>[.<schema>]`; the sandbox is that of the header',
    ),
  sql: orNull(z.string().min(1).max(1_000_000)),
  templateId: orNull(z.string().max(100)).describe('Instead of sql'),
  templateID: orNull(z.string().max(100)).describe('The same, as it is also written'),
  name: orNull(z.string().max(255)),
  description: orNull(z.string().max(4_000)),
  queryParameters: parameterValues
    .nullish()
    .describe('Values of the `$key` placeholders in the text, before those of the template'),
  insertIntoParameters: z
    .looseObject({ datasetName })
    .nullish()
    .describe('The SELECT’s rows are appended to this dataset'),
  ctasParameters: z
    .looseObject({
      datasetName,
      description: orNull(z.string().max(4_000)),
      targetSchemaTitle: orNull(z.string().max(255)),
    })
    .nullish()
    .describe('The SELECT’s rows become this dataset; later runs of a schedule append to it'),
})
export type QueryBody = z.output<typeof queryBody>

/** @throws AppError 'request.invalid' when another sandbox is named than the header's */
export function requestOf(caller: Caller, body: QueryBody): QueryRequest {
  const { name, description, sql, queryParameters, ctasParameters: ctas, insertIntoParameters: insert } = body
  const templateId = body.templateId ?? body.templateID
  return {
    name,
    description,
    database: databaseName(caller, body.dbName),
    sql,
    templateId,
    parameters: queryParameters ?? {},
    ...(ctas
      ? {
          ctas: {
            datasetName: ctas.datasetName,
            description: ctas.description,
            targetSchemaTitle: ctas.targetSchemaTitle,
          },
        }
      : {}),
    ...(insert ? { insertInto: { datasetName: insert.datasetName } } : {}),
  }
}

/** A request as clients wrote it. */
export function requestDocument({ sandbox }: Caller, request: QueryRequest) {
  const { name, description, database, sql, templateId, parameters, ctas, insertInto } = request
  return {
    dbName: `${sandbox.name}:${database}`,
    ...(sql === undefined ? {} : { sql }),
    ...(templateId === undefined ? {} : { templateId }),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    queryParameters: parameters,
    ...(ctas === undefined ? {} : { ctasParameters: ctas }),
    ...(insertInto === undefined ? {} : { insertIntoParameters: insertInto }),
  }
}

/**
 * The part after `prod:`; `sandbox:database:schema` is understood as `sandbox:database.schema`.
 * @throws AppError 'request.invalid' when another sandbox is named than the header's
 */
export function databaseName(caller: Caller, dbName: string): string {
  const [place = '', option] = dbName.split('?')
  if (option !== undefined) {
    throw new AppError('request.invalid', `dbName takes no option here, ?${option.slice(0, 40)} came.`, {
      hint: 'To flatten structs, begin the text with SET flatten = true; or ask over the PostgreSQL protocol.',
    })
  }
  const parts = place.split(':')
  const [sandbox, ...names] = dbName.includes(':') ? parts : [caller.sandbox.name, dbName]
  if (sandbox !== caller.sandbox.name) {
    throw new AppError(
      'request.invalid',
      `dbName names the sandbox ${JSON.stringify(sandbox)}, the header x-sandbox-name ${JSON.stringify(caller.sandbox.name)}.`,
    )
  }
  return names.join('.') || 'all'
}
