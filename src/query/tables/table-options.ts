import { AppError } from '#base/errors.ts'
import { type TableLabel, tableLabels } from '#sql/definition.ts'
import type { StatementOf } from '../query.ts'

export interface TableOptions {
  /** Title of the schema that the table is to have; undefined: one is made from its columns. */
  readonly schemaTitle: string | undefined
  readonly labels: readonly TableLabel[]
  /** Whether the rows must be as the schema asks beyond their types. */
  readonly validates: boolean
}

/** What stands behind WITH. @throws AppError 'query.unsupported' naming the option, 'request.invalid' for its value */
export function tableOptions({
  table,
  options,
}: StatementOf<'createTable'> | StatementOf<'createTableAs'>): TableOptions {
  const { position } = table
  const labels: TableLabel[] = []
  for (const [name, value] of Object.entries(options)) {
    switch (name) {
      case 'schema':
        break
      case 'label':
        labels.push(...labelsOf(value, position))
        break
      case 'rowvalidation':
        // Types are always looked at.
        oneOf(name, value, ['true', 'false'], position)
        break
      case 'distribution':
        // Where an accelerated store keeps copies; a lake has one of each file.
        oneOf(name, value, ['replicate', 'hash', 'round_robin'], position)
        break
      default:
        throw new AppError('query.unsupported', `The option ${name} of CREATE TABLE is not supported yet.`, {
          position,
          hint: 'There are schema, rowvalidation, label and distribution.',
        })
    }
  }
  return {
    schemaTitle: options['schema'],
    labels,
    validates: options['rowvalidation']?.toLowerCase() !== 'false',
  }
}

/** `PROFILE`, `UPSERT` or both with a comma. @throws AppError 'request.invalid' */
export function labelsOf(
  value: string | undefined,
  position: StatementOf<'createTable'>['table']['position'],
): TableLabel[] {
  return value === undefined ? [] : value.split(',').map((text) => labelOf(text, position))
}

function labelOf(text: string, position: StatementOf<'createTable'>['table']['position']): TableLabel {
  const label = tableLabels.find((candidate) => candidate === text.trim().toUpperCase())
  if (label) return label
  throw new AppError(
    'request.invalid',
    `The label of a table is PROFILE or UPSERT, ${JSON.stringify(text.slice(0, 80))} came.`,
    { position },
  )
}

function oneOf(
  name: string,
  value: string,
  allowed: readonly string[],
  position: StatementOf<'createTable'>['table']['position'],
): void {
  if (allowed.includes(value.toLowerCase())) return
  throw new AppError(
    'request.invalid',
    `The option ${name} is ${allowed.join(' or ')}, ${JSON.stringify(value.slice(0, 80))} came.`,
    { position },
  )
}
