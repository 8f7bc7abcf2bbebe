import { wholeLines } from '#formats/json-lines.ts'
import type { DataType, Field } from '#types/data-type.ts'

/** Whether a value of the type may hold bytes, which JSON has no form of its own for. */
export function holdsBinary(type: DataType): boolean {
  switch (type.kind) {
    case 'binary':
      return true
    case 'array':
      return holdsBinary(type.element)
    case 'map':
      return holdsBinary(type.value)
    case 'struct':
      return type.fields.some((field) => holdsBinary(field.type))
    default:
      return false
  }
}

/** Delivered JSON lines with their bytes in the form that a load takes for them: hexadecimal after `\x`. @throws AppError 'file.torn' */
export async function* linesToLoad(
  plain: AsyncIterable<Uint8Array>,
  columns: readonly Field[],
): AsyncGenerator<Uint8Array> {
  const row: DataType = { kind: 'struct', fields: columns }
  const rewritten = (line: string) => `${JSON.stringify(toLoad(parseExactly(line), row))}\n`
  for await (const lines of wholeLines(plain)) {
    const texts = lines.subarray(0, -1).toString('utf8').split('\n')
    yield Buffer.from(texts.map(rewritten).join(''))
  }
}

/** What this version of TypeScript does not know of yet. @see https://tc39.es/proposal-json-parse-with-source/ */
const exact = JSON as unknown as {
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
  rawJSON(this: void, text: string): unknown
}

/** Numbers keep their digits: a long or a decimal has more than a JavaScript number. */
function parseExactly(line: string): unknown {
  return exact.parse(line, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exact.rawJSON(source) : value,
  )
}

function toLoad(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined || !holdsBinary(type)) return value
  switch (type.kind) {
    case 'binary':
      return `\\x${value as string}`
    case 'array':
      return (value as readonly unknown[]).map((item) => toLoad(item, type.element))
    case 'map':
      return mapped(value, () => type.value)
    case 'struct': {
      const types = new Map(type.fields.map((field) => [field.name, field.type]))
      return mapped(value, (name) => types.get(name))
    }
    default:
      return value
  }
}

function mapped(value: unknown, typeOf: (name: string) => DataType | undefined): unknown {
  const entries = Object.entries(value as object).map(([name, item]: [string, unknown]) => {
    const type = typeOf(name)
    return [name, type ? toLoad(item, type) : item]
  })
  return Object.fromEntries(entries)
}
