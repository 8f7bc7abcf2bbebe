import { AppError } from '#base/errors.ts'
import type { DataType } from '#types/data-type.ts'
import type { IcebergType } from '#types/iceberg.ts'

/**
 * The type that files of a table hold.
 * @throws AppError 'schema.invalid' for a type that only another engine knows to write
 */
export function storedTypeOf(type: IcebergType): DataType {
  if (typeof type !== 'string') {
    switch (type.type) {
      case 'struct':
        return {
          kind: 'struct',
          fields: type.fields.map((field) => ({ name: field.name, type: storedTypeOf(field.type) })),
        }
      case 'list':
        return { kind: 'array', element: storedTypeOf(type.element) }
      case 'map':
        return { kind: 'map', key: storedTypeOf(type.key), value: storedTypeOf(type.value) }
    }
  }
  const [, precision, scale] = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(type) ?? []
  if (precision !== undefined) return { kind: 'decimal', precision: Number(precision), scale: Number(scale) }
  const kind = kinds.get(type)
  if (kind) return { kind }
  throw new AppError(
    'schema.invalid',
    `A column of Iceberg's type ${JSON.stringify(type)} is not read everywhere.`,
    {
      hint: 'Store a text or a number in its place.',
    },
  )
}

const kinds: ReadonlyMap<string, Exclude<DataType['kind'], 'decimal' | 'array' | 'map' | 'struct'>> = new Map(
  [
    ['boolean', 'boolean'],
    ['int', 'integer'],
    ['long', 'long'],
    ['float', 'float'],
    ['double', 'double'],
    ['date', 'date'],
    ['timestamp', 'timestamp_ntz'],
    ['timestamptz', 'timestamp'],
    ['string', 'string'],
    ['binary', 'binary'],
  ] as const,
)
