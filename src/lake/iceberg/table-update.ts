import { z } from 'zod'
import { id63, partitionSpecSchema, schemaSchema, snapshotSchema, sortOrderSchema } from './table-metadata.ts'

/**
 * What a commit asks of a table and does to it, in the words of Iceberg's REST catalogue: our own writers and its
 * clients go the same way.
 * @see https://iceberg.apache.org/spec/#rest-catalog
 */
export const tableRequirement = z.discriminatedUnion('type', [
  z.object({ type: z.literal('assert-table-uuid'), uuid: z.string() }),
  z.object({ type: z.literal('assert-ref-snapshot-id'), ref: z.string(), 'snapshot-id': id63.nullish() }),
  z.object({ type: z.literal('assert-last-assigned-field-id'), 'last-assigned-field-id': z.int() }),
  z.object({ type: z.literal('assert-current-schema-id'), 'current-schema-id': z.int() }),
  z.object({ type: z.literal('assert-last-assigned-partition-id'), 'last-assigned-partition-id': z.int() }),
  z.object({ type: z.literal('assert-default-spec-id'), 'default-spec-id': z.int() }),
  z.object({ type: z.literal('assert-default-sort-order-id'), 'default-sort-order-id': z.int() }),
])

const statistics = z.looseObject({ 'snapshot-id': id63, 'statistics-path': z.string() })
const addedSchema = schemaSchema.extend({ 'schema-id': z.int().default(-1) })

export const tableUpdate = z.discriminatedUnion('action', [
  z.object({ action: z.literal('assign-uuid'), uuid: z.string() }),
  z.object({ action: z.literal('upgrade-format-version'), 'format-version': z.int() }),
  z.object({
    action: z.literal('add-schema'),
    schema: addedSchema,
    'last-column-id': z.int().optional(),
  }),
  z.object({ action: z.literal('set-current-schema'), 'schema-id': z.int() }),
  z.object({
    action: z.literal('add-spec'),
    spec: partitionSpecSchema.extend({ 'spec-id': z.int().default(-1) }),
  }),
  z.object({ action: z.literal('set-default-spec'), 'spec-id': z.int() }),
  z.object({
    action: z.literal('add-sort-order'),
    'sort-order': sortOrderSchema.extend({ 'order-id': z.int().default(-1) }),
  }),
  z.object({ action: z.literal('set-default-sort-order'), 'sort-order-id': z.int() }),
  z.object({ action: z.literal('add-snapshot'), snapshot: snapshotSchema }),
  z.looseObject({
    action: z.literal('set-snapshot-ref'),
    'ref-name': z.string(),
    type: z.enum(['branch', 'tag']),
    'snapshot-id': id63,
  }),
  z.object({ action: z.literal('remove-snapshot-ref'), 'ref-name': z.string() }),
  z.object({ action: z.literal('remove-snapshots'), 'snapshot-ids': z.array(id63) }),
  z.object({ action: z.literal('set-location'), location: z.string() }),
  z.object({ action: z.literal('set-properties'), updates: z.record(z.string(), z.string()) }),
  z.object({ action: z.literal('remove-properties'), removals: z.array(z.string()) }),
  z.object({ action: z.literal('set-statistics'), statistics }),
  z.object({ action: z.literal('remove-statistics'), 'snapshot-id': id63 }),
  z.object({ action: z.literal('set-partition-statistics'), 'partition-statistics': statistics }),
  z.object({ action: z.literal('remove-partition-statistics'), 'snapshot-id': id63 }),
  z.object({ action: z.literal('remove-partition-specs'), 'spec-ids': z.array(z.int()) }),
  z.object({ action: z.literal('remove-schemas'), 'schema-ids': z.array(z.int()) }),
])

export type TableRequirement = z.output<typeof tableRequirement>
export type TableUpdate = z.output<typeof tableUpdate>
