import { z } from 'zod'
import { fileFormat } from '#formats/file-format.ts'
import type { LakeTable } from '#lake/lake.ts'
import type { Field } from '#types/data-type.ts'
import { canonicalJson, sha256Hex } from './manifests/canonical-json.ts'
import { deliveredContent } from './manifests/delivered-content.ts'
import type { PlannedTarget } from './destinations/open-destination.ts'
import { recordFolders, recordRange } from './manifests/record-time.ts'
import { target } from './destinations/target.ts'

/** What a run delivers and where: decided once, by its first attempt, and read back by every other. */
const exportPlan = z.strictObject({
  exportName: z.string(),
  flowSpecId: z.string().optional(),
  datasetId: z.string(),
  datasetName: z.string(),
  /** As SQL calls it; absent in plans of before lineage was told. */
  tableName: z.string().optional(),
  tableId: z.string(),
  /** Absent in plans of before deliveries could be restored. */
  schemaId: z.string().optional(),
  behavior: z.enum(['time-series', 'record', 'adhoc']).optional(),
  sourceConnectionId: z.string(),
  targetConnectionId: z.string(),
  snapshotId: z.string().optional(),
  afterSequence: z.int(),
  throughSequence: z.int(),
  /** All rows of the table with that commit, delivered now or before. */
  tableRowCount: z.int().optional(),
  content: deliveredContent,
  /** Where the chain's increments stand after it; absent: at `throughSequence`. */
  watermarkSequence: z.int().optional(),
  /** Only rows of these times. */
  records: recordRange.optional(),
  /** A run that is delivered again. */
  repeats: z.uuid().optional(),
  withSystemColumns: z.boolean(),
  columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
  chain: z.strictObject({
    number: z.int().positive(),
    previous: z.strictObject({ sha256: z.string(), isElsewhere: z.boolean() }).optional(),
    /** The source was set back to this commit since the delivery before. */
    resetTo: z.int().optional(),
  }),
  target,
  /** Whose credentials open it; absent where nobody logs in. */
  connectionId: z.string().optional(),
  /** Below the location. */
  folder: z.string(),
  /** Below it the rows have folders by their own time. */
  recordFolders: recordFolders.optional(),
  format: fileFormat,
  fileBytesMax: z.int(),
  includeFileManifest: z.boolean(),
  /** Else our manifest stays here. */
  includeSignedManifest: z.boolean().default(true),
  completionMarker: z.string().optional(),
  /** For whom each file is encrypted. */
  encryption: z.strictObject({ armored: z.string(), fingerprint: z.string() }).optional(),
  scheduledAt: z.iso.datetime(),
  /** What whoever reads of the run should know: it may lack rows that are just being made. */
  warnings: z.array(z.string()).optional(),
})

export type ExportPlan = z.infer<typeof exportPlan>

/** Where a part was brought, as its row says; those of before there were connections have the store alone. */
export function plannedTargetOf(stored: Readonly<Record<string, unknown>>): PlannedTarget {
  if (!('target' in stored)) return { target: target.parse(stored) }
  return exportPlan.pick({ target: true, connectionId: true }).parse(stored)
}

export function pinOwner(runId: string): string {
  return `run:${runId}`
}

export function columnsOf(table: LakeTable, withSystemColumns: boolean): readonly Field[] {
  return [...table.schema.fields, ...(withSystemColumns ? table.systemColumns.fields : [])]
}

export function schemaFingerprint(plan: ExportPlan): string {
  return sha256Hex(canonicalJson(plan.columns))
}

/** The same for every run of one export as long as neither its query nor its columns change. */
export function queryFingerprint(plan: ExportPlan): string {
  return sha256Hex(
    canonicalJson({
      tableId: plan.tableId,
      columns: plan.columns.map((column) => column.name),
      content: plan.content,
    }),
  )
}

/** As it is stored. */
export function readPlan(stored: unknown): ExportPlan {
  return exportPlan.parse(stored)
}
