import { randomBytes, randomUUID } from 'node:crypto'
import { ulid } from 'ulid'
import { AppError } from './errors.ts'

declare const brand: unique symbol

/** A string that only its parser or maker can produce. */
export type Id<N extends string> = string & { readonly [brand]: N }

/** `XXXX@AdobeOrg` in the reference platform; ours look the same so that clients' checks pass. */
export type OrganizationId = Id<'organization'>
/** UUID. */
export type SandboxId = Id<'sandbox'>
/** UUID. */
export type PrincipalId = Id<'principal'>
/** 24 lower-case hexadecimal digits. */
export type DatasetId = Id<'dataset'>
/** ULID. */
export type BatchId = Id<'batch'>
/** UUID of a lake table. */
export type TableId = Id<'table'>
/** Iceberg's 63-bit snapshot id as decimal text. */
export type SnapshotId = Id<'snapshot'>
/** UUID. */
export type RunId = Id<'run'>
/** UUID. */
export type FlowId = Id<'flow'>

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const patterns = {
  organization: /^[A-Za-z0-9]+@AdobeOrg$/,
  sandbox: uuid,
  principal: uuid,
  dataset: /^[0-9a-f]{24}$/,
  batch: /^[0-9A-HJKMNP-TV-Z]{26}$/,
  table: uuid,
  snapshot: /^\d{1,19}$/,
  run: uuid,
  flow: uuid,
} as const

export type IdKind = keyof typeof patterns

/**
 * Reads an id of the kind named.
 * @throws AppError 'request.invalid' when the text has not the form of such an id.
 */
export function parseId<K extends IdKind>(kind: K, text: string): Id<K> {
  if (!patterns[kind].test(text)) {
    throw new AppError('request.invalid', `${JSON.stringify(text.slice(0, 80))} is not the id of a ${kind}.`)
  }
  return text as Id<K>
}

/** Whether the text is a UUID as we write them, in lower case: others name nothing of ours. */
export function isUuid(text: string): boolean {
  return uuid.test(text)
}

/** Whether the text has the form of such an id. */
export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  return patterns[kind].test(text)
}

export function newUuidId<K extends 'sandbox' | 'principal' | 'table' | 'run' | 'flow'>(_kind: K): Id<K> {
  return randomUUID() as string as Id<K>
}

export function newDatasetId(): DatasetId {
  return randomBytes(12).toString('hex') as DatasetId
}

export function newBatchId(): BatchId {
  return ulid() as BatchId
}

export function newOrganizationId(): OrganizationId {
  return `${randomBytes(12).toString('hex').toUpperCase()}@AdobeOrg` as OrganizationId
}
