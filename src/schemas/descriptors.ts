import type { Caller } from '#access/access.ts'
import type { Json } from './json.ts'
import type { ListQuery, Page } from './list.ts'

export const descriptorTypes = [
  'xdm:descriptorIdentity',
  'xdm:alternateDisplayInfo',
  'xdm:descriptorOneToOne',
  'xdm:descriptorRelationship',
  'xdm:descriptorReferenceIdentity',
  'xdm:descriptorPrimaryKey',
  'xdm:descriptorVersion',
  'xdm:descriptorTimestamp',
  'xdm:descriptorTimeSeriesGranularity',
  'xdm:descriptorDeprecated',
  'xdm:descriptorLabel',
] as const
export type DescriptorType = (typeof descriptorTypes)[number]

/** What is said of a schema's fields: identities, relationships, titles, labels. Each call asks the decision function. */
export interface Descriptors {
  /** @throws AppError 'schema.unknown' */
  get(caller: Caller, id: string): Promise<Json>
  list(caller: Caller, query: ListQuery): Promise<Page>
  /** Of one schema and all it extends, in order of creation. */
  ofSchema(caller: Caller, schemaId: string): Promise<readonly Json[]>
  /** A second display name of a field replaces the first. @throws AppError 'schema.invalid' naming the field, 'schema.exists' */
  create(caller: Caller, body: unknown): Promise<Json>
  replace(caller: Caller, id: string, body: unknown): Promise<Json>
  delete(caller: Caller, id: string): Promise<void>
}
