import { type IcebergStruct, type IcebergType } from '#types/iceberg.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { schemaOf, type TableMetadata } from './iceberg/table-metadata.ts'
import { hasNames, partOf } from './projection.ts'
import type { ScanGroup } from './scan-sql.ts'
import type { ScanFile, TableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

/** Footers are small and the disk is what takes time: some at once. */
const footersAtOnce = 16

/**
 * Puts together the files that can be read in one go. Only where fields inside of columns have changed are footers
 * looked at: the engine finds columns by id, and what is inside of them by name, which of a renamed field would be
 * NULL without a word.
 */
export async function groupFiles(
  reader: TableReader,
  files: TableFiles,
  metadata: TableMetadata,
  dataFiles: readonly DataFile[],
): Promise<readonly ScanGroup[]> {
  if (!isChangedInside(metadata)) return [{ files: dataFiles.map(files.scanFile), columns: undefined }]
  const struct = schemaOf(metadata)
  const groups = new Map<string, { readonly files: ScanFile[]; readonly columns: ScanGroup['columns'] }>()
  for (let start = 0; start < dataFiles.length; start += footersAtOnce) {
    const some = dataFiles.slice(start, start + footersAtOnce)
    const shapes = await Promise.all(
      some.map(async ({ path, bytes }) => await reader.shape(files, { name: files.nameOf(path), bytes })),
    )
    for (const [index, file] of some.entries()) {
      const shape = shapes[index]
      const isPlain = shape === undefined || isAsToday(struct, shape.columns)
      const key = isPlain ? '' : shape.signature
      const group = groups.get(key) ?? { files: [], columns: isPlain ? undefined : shape.columns }
      group.files.push(files.scanFile(file))
      groups.set(key, group)
    }
  }
  return Array.from(groups.values())
}

function isAsToday(struct: IcebergStruct, columns: Parameters<typeof partOf>[0]): boolean {
  return struct.fields.every((field) => {
    if (typeof field.type === 'string') return true
    const node = partOf(columns, field)
    return node === undefined || hasNames(field.type, node)
  })
}

/** Whether two schemas that the table has had disagree on what is inside of a column. */
function isChangedInside(metadata: TableMetadata): boolean {
  const inside = new Map<number, string>()
  return metadata.schemas.some((schema) =>
    (schema as unknown as IcebergStruct).fields.some((field) => {
      if (typeof field.type === 'string') return false
      const text = insideOf(field.type)
      const before = inside.get(field.id) ?? text
      inside.set(field.id, text)
      return before !== text
    }),
  )
}

function insideOf(type: IcebergType): string {
  if (typeof type === 'string') return type
  if (type.type === 'list') return `[${type['element-id']} ${insideOf(type.element)}]`
  if (type.type === 'map') {
    return `(${type['key-id']} ${insideOf(type.key)}, ${type['value-id']} ${insideOf(type.value)})`
  }
  const fields = type.fields.map(
    (field) => `${field.id} ${JSON.stringify(field.name)} ${insideOf(field.type)}`,
  )
  return `{${fields.join(', ')}}`
}
