import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { structType, type StructType } from '#types/data-type.ts'
import { storedType, type IcebergField, type IcebergStruct, type IcebergType } from '#types/iceberg.ts'
import { parseJson } from './iceberg/json.ts'
import { partitionSpecSchema } from './iceberg/table-metadata.ts'
import {
  type TableRequirement,
  tableRequirement,
  type TableUpdate,
  tableUpdate,
} from './iceberg/table-update.ts'
import { storedTypeOf } from './stored-type.ts'
import { otherFormat } from './table-properties.ts'

/**
 * What clients of Iceberg's REST catalogue send, as text: their numbers have more digits than JSON's usual ones.
 * @see https://iceberg.apache.org/rest-catalog-spec/
 */
export interface TableRequest {
  readonly name: string
  readonly schema: StructType
  readonly dayColumn: string | undefined
  readonly properties: Readonly<Record<string, string>>
  /** The client writes files first and commits then. */
  readonly isStaged: boolean
}

export interface CommitBody {
  /** The table is to be made by it: it was staged. */
  readonly isFirst: boolean
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/** Fields nest so deep at most: deeper ones are refused before anything walks through them. */
const depthMax = 40

const icebergType: z.ZodType<IcebergType> = z.lazy(() => z.union([z.string().max(200), nested]))
const field: z.ZodType<IcebergField> = z.lazy(() =>
  z.looseObject({ id: z.int(), name: z.string(), required: z.boolean().default(false), type: icebergType }),
)
const nested = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('struct'), fields: z.array(field) }),
  z.looseObject({
    type: z.literal('list'),
    'element-id': z.int(),
    'element-required': z.boolean().default(false),
    element: icebergType,
  }),
  z.looseObject({
    type: z.literal('map'),
    'key-id': z.int(),
    key: icebergType,
    'value-id': z.int(),
    'value-required': z.boolean().default(false),
    value: icebergType,
  }),
])
const struct: z.ZodType<IcebergStruct> = z.looseObject({ type: z.literal('struct'), fields: z.array(field) })

const tableBody = z.looseObject({
  name: z.string(),
  location: z.string().nullish(),
  schema: struct,
  'partition-spec': partitionSpecSchema
    .extend({
      'spec-id': z.int().default(0),
      fields: z.array(z.looseObject({ 'source-id': z.int(), transform: z.string() })),
    })
    .nullish(),
  'stage-create': z.boolean().nullish(),
  properties: z.record(z.string(), z.string()).nullish(),
})

const assertCreate = z.object({ type: z.literal('assert-create') })
const commitBody = z.looseObject({
  requirements: z.array(z.union([assertCreate, tableRequirement])).default([]),
  updates: z.array(tableUpdate),
})
const schemasAdded = z.object({ schema: struct })

/** @throws AppError 'request.invalid', 'schema.invalid' */
export function parseTableRequest(text: string): TableRequest {
  const body = checked(tableBody, parsed(text))
  if (body.location) {
    throw new AppError('request.invalid', 'The location of a table is chosen here.', {
      hint: 'Create the table without a location.',
    })
  }
  const { 'format-version': format = '2', ...properties } = body.properties ?? {}
  if (format !== '2') throw otherFormat()
  const { fields } = body.schema
  return {
    name: body.name,
    schema: structType(fields.map(({ name, type }) => ({ name, type: storedType(storedTypeOf(type)) }))),
    dayColumn: dayColumnOf(fields, body['partition-spec']?.fields ?? []),
    properties,
    isStaged: body['stage-create'] === true,
  }
}

/** @throws AppError 'request.invalid' */
export function parseCommitBody(text: string): CommitBody {
  const { requirements, updates } = checked(commitBody, parsed(text))
  for (const update of updates) if (update.action === 'add-schema') checked(schemasAdded, update)
  const others = requirements.filter((requirement) => requirement.type !== 'assert-create')
  return { isFirst: others.length < requirements.length, requirements: others, updates }
}

function dayColumnOf(
  fields: readonly IcebergField[],
  parts: readonly { readonly 'source-id': number; readonly transform: string }[],
): string | undefined {
  const [part] = parts
  if (!part) return undefined
  const source = fields.find((candidate) => candidate.id === part['source-id'])
  if (parts.length === 1 && part.transform === 'day' && source) return source.name
  throw new AppError('request.invalid', 'Tables are partitioned by the day of one column, or not at all.')
}

function parsed(text: string): unknown {
  let value: unknown
  try {
    value = parseJson(text)
  } catch (cause) {
    throw new AppError('request.invalid', 'The body of the request is not JSON.', { cause })
  }
  refuseDeep(value)
  return value
}

/** Level by level: nothing here may be deep itself. */
function refuseDeep(value: unknown): void {
  let level = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax * 2) {
      throw new AppError('request.invalid', `Columns nest at most ${depthMax} deep.`)
    }
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    )
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new AppError(
    'request.invalid',
    `${issue?.path.join('/') || 'The body'}: ${issue?.message ?? 'not as expected'}.`,
    { hint: 'The update or requirement may be one that is not supported here.' },
  )
}
