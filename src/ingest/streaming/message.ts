import { hash } from 'node:crypto'
import { AppError } from '#base/errors.ts'
import { type DatasetId, parseId } from '#base/ids.ts'
import { shortened } from '#base/shown-text.ts'
import type { StructType } from '#types/data-type.ts'
import { isTooDeep, tooDeep } from '../records.ts'
import { hasTooManyKeys, tooManyKeys } from '../strict-json.ts'
import { fieldsReader, isObject, Misfit, type RequiredPaths } from '../value-readers.ts'

/** Where a message's row is to go. */
export interface Addressed {
  readonly datasetId: DatasetId
  readonly organizationId: string
  /** As the message names them; all must be the dataset's. */
  readonly schemaIds: readonly string[]
  /** Which flow sends it, if it says so. */
  readonly flowId?: string
}

export interface Message extends Addressed {
  readonly entity: object
}

/** By hand: it is done for each of tens of thousands a second. @throws AppError 'ingest.invalid' */
export function messageOf(value: unknown): Message {
  const message = objectOf(value, '$')
  const header = objectOf(message['header'], '$.header')
  const ofHeader = {
    organizationId: textOf(header['imsOrgId'], '$.header.imsOrgId'),
    datasetId: parseId('dataset', textOf(header['datasetId'], '$.header.datasetId')),
  }
  const body = objectOf(message['body'], '$.body')
  const meta = objectOf(body['xdmMeta'] ?? {}, '$.body.xdmMeta')
  const flowId = flowIdOf(header['flowId'])
  const named = [schemaIdOf(header, '$.header'), schemaIdOf(meta, '$.body.xdmMeta')]
  return {
    ...ofHeader,
    ...(flowId === undefined ? {} : { flowId }),
    schemaIds: named.filter((id) => id !== undefined),
    entity: objectOf(body['xdmEntity'], '$.body.xdmEntity'),
  }
}

function schemaIdOf({ schemaRef }: JsonObject, path: string): string | undefined {
  if (schemaRef === undefined) return undefined
  return textOf(objectOf(schemaRef, `${path}.schemaRef`)['id'], `${path}.schemaRef.id`)
}

/** Whatever cannot be the id of a flow is none. */
export function flowIdOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,200}$/.test(value) ? value : undefined
}

type JsonObject = Readonly<Record<string, unknown>>

function objectOf(value: unknown, path: string): JsonObject {
  if (isObject(value)) return value as JsonObject
  throw refused(`${path}: an object was expected`)
}

function textOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value
  throw refused(`${path}: a text was expected`)
}

/** What is known of a row before it is loaded. */
export interface CheckedRow {
  readonly text: string
  /** What its `_id` is known by; null: it has none, or does not fit. */
  readonly key: string | null
  readonly misfit: Misfit | undefined
}

export function rowChecker(columns: StructType, required: RequiredPaths): (entity: object) => CheckedRow {
  const read = fieldsReader(columns.fields, '', { required, isForLook: true })
  const idIndex = columns.fields.findIndex(({ name }) => name === '_id')
  return (entity) => {
    try {
      const texts = read(entity)
      const text = JSON.stringify(entity)
      // As its load would; here who sends hears of it.
      if (hasTooManyKeys(text)) throw refused(`$.body.xdmEntity: ${tooManyKeys}`)
      if (texts instanceof Misfit) return { text, key: null, misfit: texts }
      return { text, key: keyOf(texts[idIndex]), misfit: undefined }
    } catch (error) {
      if (isTooDeep(error)) throw refused(`$.body.xdmEntity: ${tooDeep}`)
      throw error
    }
  }
}

/** What a row is known by: as many digits as a UUID has. Of a number, the text that all ways to write it are read as. */
export function keyOf(id: string | null | undefined): string | null {
  return id ? hash('sha256', id, 'hex').slice(0, 32) : null
}

export function refused(problem: string): AppError {
  return new AppError('ingest.invalid', `The message cannot be taken: ${shortened(problem, 1_000)}.`)
}
