import { AppError } from '#base/errors.ts'
import { type DataType, type Field, stringType, type StructType, structType } from '#types/data-type.ts'
import { fieldNameLengthMax, invalid, refuseReserved, schemaDepthMax, schemaLeavesMax } from '#types/xdm.ts'

/**
 * Columns that came from SQL or a file, as a table can keep them: names are free but unique without case, a bare NULL
 * becomes text, intervals are refused.
 * @throws AppError 'schema.invalid' naming the path.
 */
export function tableColumns(columns: StructType): StructType {
  if (columns.fields.length === 0) throw invalid('/', 'a table needs at least one column', 'Give it one.')
  for (const field of columns.fields) refuseReserved(field.name, `/${field.name}`)
  const count = { leaves: 0 }
  return structType(columns.fields.map(checkedFields(columns, '', 1, count)))
}

function checkedFields(struct: StructType, at: string, depth: number, count: { leaves: number }) {
  const names = new Set<string>()
  return (field: Field): Field => {
    const place = `${at}/${field.name.slice(0, 200)}`
    const folded = field.name.toLowerCase()
    if (names.has(folded)) {
      const what = at === '' ? 'columns' : `fields of ${at}`
      throw new AppError(
        'schema.invalid',
        `Two ${what} are called ${JSON.stringify(field.name)}, case apart.`,
        {
          hint: 'Rename one of them.',
          detail: { path: place },
        },
      )
    }
    names.add(folded)
    if (
      field.name === '' ||
      field.name.length > fieldNameLengthMax ||
      // oxlint-disable-next-line no-control-regex -- Control characters are what is looked for.
      /[\u0000-\u001f\u007f]/.test(field.name)
    ) {
      throw invalid(
        place,
        `a column's name has 1 to ${fieldNameLengthMax} characters, none of them a control character`,
        'Rename it.',
      )
    }
    return { name: field.name, type: checkedType(field.type, place, depth, count) }
  }
}

function checkedType(type: DataType, at: string, depth: number, count: { leaves: number }): DataType {
  if (depth > schemaDepthMax)
    throw invalid(at, `columns nest at most ${schemaDepthMax} deep`, 'Flatten them.')
  switch (type.kind) {
    case 'struct':
      if (type.fields.length === 0) throw invalid(at, 'a struct needs at least one field', 'Leave it out.')
      return structType(type.fields.map(checkedFields(type, at, depth + 1, count)))
    case 'array':
      return { kind: 'array', element: checkedType(type.element, `${at}/[]`, depth + 1, count) }
    case 'map':
      return {
        kind: 'map',
        key: checkedType(type.key, `${at}/key`, depth + 1, count),
        value: checkedType(type.value, `${at}/value`, depth + 1, count),
      }
    default:
      count.leaves += 1
      if (count.leaves > schemaLeavesMax) {
        throw invalid(at, `a table has at most ${schemaLeavesMax} fields`, 'Split it, or use a map.')
      }
      if (type.kind === 'interval') {
        throw invalid(at, 'an interval cannot be stored', 'Cast it to text or to a number of seconds.')
      }
      return type.kind === 'void' ? stringType : type
  }
}
