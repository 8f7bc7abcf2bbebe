import { hash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type DatasetId, parseId } from '#base/ids.ts'
import { shortened } from '#base/shown-text.ts'
import type { StructType } from '#types/data-type.ts'
import { isTooDeep, tooDeep } from '../records.ts'
import { fieldsReader, isObject, Misfit, type RequiredPaths } from '../value-readers.ts'

const schemaRef = z.looseObject({ id: z.string() })
const form = z.looseObject({
  header: z.looseObject({
    schemaRef: schemaRef.optional(),
    imsOrgId: z.string(),
    datasetId: z.string(),
  }),
  body: z.looseObject({
    xdmMeta: z.looseObject({ schemaRef: schemaRef.optional() }).nullish(),
    xdmEntity: z.unknown(),
  }),
})

export interface Message {
  readonly datasetId: DatasetId
  readonly organizationId: string
  /** As the message names them; all must be the dataset's. */
  readonly schemaIds: readonly string[]
  readonly entity: object
}

/** @throws AppError 'ingest.invalid' */
export function messageOf(value: unknown): Message {
  const parsed = form.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refused(`$.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}`)
  }
  const { header, body } = parsed.data
  if (!isObject(body.xdmEntity)) throw refused('$.body.xdmEntity: an object was expected')
  return {
    datasetId: parseId('dataset', header.datasetId),
    organizationId: header.imsOrgId,
    schemaIds: [header.schemaRef, body.xdmMeta?.schemaRef].flatMap((ref) => (ref ? [ref.id] : [])),
    entity: body.xdmEntity,
  }
}

/** What is known of a row before it is loaded. */
export interface CheckedRow {
  readonly text: string
  /** What its `_id` is known by; null: it has none, or does not fit. */
  readonly key: string | null
  readonly misfit: Misfit | undefined
}

export function rowChecker(columns: StructType, required: RequiredPaths): (entity: object) => CheckedRow {
  const read = fieldsReader(columns.fields, '', required)
  return (entity) => {
    try {
      const texts = read(entity)
      const text = JSON.stringify(entity)
      if (texts instanceof Misfit) return { text, key: null, misfit: texts }
      const id = (entity as { readonly _id?: unknown })._id
      return { text, key: typeof id === 'string' && id !== '' ? keyOf(id) : null, misfit: undefined }
    } catch (error) {
      if (isTooDeep(error)) throw refused(`$.body.xdmEntity: ${tooDeep}`)
      throw error
    }
  }
}

/** As many digits as a UUID has. */
function keyOf(id: string): string {
  return hash('sha256', id, 'hex').slice(0, 32)
}

export function refused(problem: string): AppError {
  return new AppError('ingest.invalid', `The message cannot be taken: ${shortened(problem, 1_000)}.`)
}
