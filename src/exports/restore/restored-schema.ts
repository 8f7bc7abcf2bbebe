import { AppError } from '#base/errors.ts'
import { type DataType, type Field, sparkName, structType } from '#types/data-type.ts'
import { parseSparkType, sparkDdl } from '#types/spark-ddl.ts'
import { isReserved } from '#types/xdm.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import type { RestoreFinding } from './restore-finding.ts'
import { holdsBinary } from './restored-lines.ts'
import type { ChainLink } from '../verify/verify-chain.ts'

export interface RestoredSchema {
  /** Of the dataset's schema where it came from; none when that is the columns of one table, which change with it. */
  readonly id: string | undefined
  /** `ddl`: the type as text that is read back exactly. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly ddl: string }[]
  /** For the schema registry: exactly these columns. Absent: they were not of a schema for records. */
  readonly document: Readonly<Record<string, unknown>> | undefined
}

/** The columns as the newest delivery has them; those of the system are given anew by the lake that takes the rows. */
export function restoredSchema({ name, sealed: { manifest } }: ChainLink): {
  readonly schema: RestoredSchema
  readonly fields: readonly Field[]
  readonly findings: readonly RestoreFinding[]
} {
  const findings: RestoreFinding[] = []
  const fields: Field[] = []
  for (const column of manifest.schema.columns) {
    if (isReserved(column.name)) continue
    const type = typeOf(column.type)
    if (type) fields.push({ name: column.name, type })
    else
      findings.push({
        severity: 'error',
        code: 'schema.changed',
        name,
        message: `The type of the column ${JSON.stringify(column.name)} cannot be read: ${column.type.slice(0, 200)}`,
        hint: 'It was delivered by an older Sluice. Run the export once more with this one, and restore then.',
      })
  }
  const { dataset } = manifest
  return {
    schema: {
      id: dataset?.behavior === 'adhoc' ? undefined : dataset?.schemaId,
      columns: fields.map(({ name, type }) => ({ name, type: sparkName(type), ddl: sparkDdl(type) })),
      document:
        dataset?.behavior === 'record'
          ? { title: manifest.datasetName, type: 'object', properties: xdmProperties(structType(fields)) }
          : undefined,
    },
    fields,
    findings,
  }
}

/** Nested bytes in CSV, which no load reads. */
export function unreadableText(fields: readonly Field[], loaded: readonly ChainLink[]): RestoreFinding[] {
  const nested = fields.find(({ type }) => type.kind !== 'binary' && holdsBinary(type))
  const link = loaded.find(({ sealed }) => sealed.manifest.fileFormat.kind === 'csv')
  if (!nested || !link) return []
  return [
    {
      severity: 'error',
      code: 'file.format',
      name: link.name,
      message: `The column ${JSON.stringify(nested.name)} holds bytes inside of ${nested.type.kind}s, which are not read from CSV.`,
      hint: 'Deliver the dataset as Parquet or JSON once, in full, and restore that.',
    },
  ]
}

/** Undefined for a text that says another type, or none, when it is read. */
function typeOf(text: string): DataType | undefined {
  try {
    const type = parseSparkType(text)
    return sparkDdl(type) === text ? type : undefined
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}
