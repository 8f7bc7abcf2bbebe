import { shortened, shownValue } from '#base/shown-text.ts'
import { isReserved } from '#types/xdm.ts'
import type { CsvFields } from './csv-records.ts'
import { parseStrictJson } from './strict-json.ts'
import { Unreadable } from './records.ts'
import type { TableSchema } from './table-schema.ts'
import { fieldFinder, fieldsReader, isNested, Misfit, missing, valueReader } from './value-readers.ts'

export type Texts = (string | null)[]

/** Reads a record as texts that the engine converts without loss, in the order of the columns. */
export function objectReader(
  { columns, required }: TableSchema,
  takesNul = false,
): (value: object) => Texts | Misfit {
  return fieldsReader(columns.fields, '', { required, takesNul })
}

/** CSV columns by the names of the header; nested values are JSON. */
export function csvReader({ columns: { fields }, required }: TableSchema, takesNul = false) {
  const find = fieldFinder(fields)
  const needed = fields.flatMap((field, index) =>
    required.some((path) => path.length === 1 && path[0] === field.name) ? [index] : [],
  )
  const readers = fields.map((field) => {
    const below = required.filter((path) => path.length > 1 && path[0] === field.name)
    const read = valueReader(field.type, field.name, {
      required: below.map((path) => path.slice(1)),
      takesNul,
    })
    if (field.type.kind === 'string') return read
    const isJson = isNested(field.type)
    return (text: string) => {
      // Many writers put quotes around everything.
      if (text === '') return null
      if (!isJson) return read(text)
      const value = parsedJson(text)
      return value === undefined
        ? new Misfit(`the field ${shownValue(field.name)} should hold JSON, ${shownValue(text)} came`)
        : read(value)
    }
  })
  let targets: readonly (number | undefined)[] = []
  const absent = fields.map((): string | null => null)

  return {
    setHeader: (names: readonly string[]): void => {
      targets = names.map((name) => {
        if (isReserved(name)) return undefined
        const index = find(name)
        if (index === undefined) {
          const known = shortened(fields.map((field) => field.name).join(', '), 400)
          throw new Unreadable(
            `has a column ${shownValue(name)}, which the dataset does not have (it has ${known})`,
          )
        }
        return index
      })
      const twice = targets.findIndex(
        (target, index) => target !== undefined && targets.indexOf(target) !== index,
      )
      if (twice !== -1) throw new Unreadable(`names the column ${shownValue(names[twice] ?? '')} twice`)
    },
    read: (values: CsvFields): Texts | Misfit => {
      const texts = absent.slice()
      for (let index = 0; index < values.length; index += 1) {
        const value = values[index] ?? null
        const target = targets[index]
        if (value === null || target === undefined) continue
        const text = readers[target]?.(value) ?? null
        if (text instanceof Misfit) return text
        texts[target] = text
      }
      for (const index of needed) if (texts[index] === null) return missing(fields[index]?.name ?? '')
      return texts
    },
  }
}

function parsedJson(text: string): unknown {
  try {
    return parseStrictJson(text)
  } catch {
    return undefined // Told by the caller.
  }
}
