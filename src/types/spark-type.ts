import { quoteSparkIdentifier } from '#base/spark-text.ts'
import { sparkName, type DataType } from './data-type.ts'

/** A type as Spark SQL's text takes it: `sparkName` is for people, and quotes no field. */
export function sparkType(type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `ARRAY<${sparkType(type.element)}>`
    case 'map':
      return `MAP<${sparkType(type.key)}, ${sparkType(type.value)}>`
    case 'struct': {
      const fields = type.fields.map(
        (field) => `${quoteSparkIdentifier(field.name)}: ${sparkType(field.type)}`,
      )
      return `STRUCT<${fields.join(', ')}>`
    }
    default:
      return sparkName(type).toUpperCase()
  }
}
