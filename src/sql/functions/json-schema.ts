import { lenientJson } from '#types/lenient-json.ts'

/**
 * The type of a JSON text in the form Spark writes it: `STRUCT<a: BIGINT, b: ARRAY<STRING>>`; fields by name, NULLs as
 * strings.
 */
export function schemaOfJson(text: string, flags = ''): string {
  if (text.trim() === '') return 'STRING'
  const json = lenientJson(text, `${flags}d`)
  if (json === undefined) return 'STRUCT<_corrupt_record: STRING>'
  // Numbers are told apart by how they are written.
  const value: unknown = JSON.parse(json, (_key, part: unknown, context?: { source?: string }) =>
    typeof part === 'number' ? new WrittenNumber(context?.source ?? String(part)) : part,
  )
  const shape = flags.includes('s') ? withTexts(shapeOf(value)) : shapeOf(value)
  return nameOf(withContents(shape) ?? emptied(shape))
}

/** Without the fields that hold nothing, and those without a name; undefined where nothing is left. */
function withContents(shape: Shape): Shape | undefined {
  if (shape.kind === 'array') {
    const element = withContents(shape.element)
    return element && { kind: 'array', element }
  }
  if (shape.kind !== 'struct') return shape
  const fields = Object.entries(shape.fields).flatMap(([name, field]) => {
    const own = name === '' ? undefined : withContents(field)
    return own ? [[name, own] as const] : []
  })
  return fields.length > 0 ? { kind: 'struct', fields: Object.fromEntries(fields) } : undefined
}

function emptied(shape: Shape): Shape {
  if (shape.kind === 'array' && shape.element.kind === 'struct')
    return { ...shape, element: emptied(shape.element) }
  return shape.kind === 'struct' ? { kind: 'struct', fields: {} } : { kind: 'STRING' }
}

/** All that holds nothing as a text. */
function withTexts(shape: Shape): Shape {
  switch (shape.kind) {
    case 'array':
      return { kind: 'array', element: withTexts(shape.element) }
    case 'struct':
      return {
        kind: 'struct',
        fields: Object.fromEntries(
          Object.entries(shape.fields).map(([name, field]) => [name, withTexts(field)]),
        ),
      }
    default:
      return { kind: 'STRING' }
  }
}

class WrittenNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Shape =
  | { readonly kind: 'null' | 'BOOLEAN' | 'BIGINT' | 'DOUBLE' | 'STRING' }
  | { readonly kind: 'decimal'; readonly digits: number }
  | { readonly kind: 'array'; readonly element: Shape }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, Shape>> }

function shapeOf(value: unknown): Shape {
  if (value === null) return { kind: 'null' }
  if (typeof value === 'boolean') return { kind: 'BOOLEAN' }
  if (value instanceof WrittenNumber) return shapeOfNumber(value.text)
  if (Array.isArray(value)) {
    return { kind: 'array', element: value.map(shapeOf).reduce<Shape>(meet, { kind: 'null' }) }
  }
  if (typeof value === 'object') {
    return {
      kind: 'struct',
      fields: Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shapeOf(part)])),
    }
  }
  return { kind: 'STRING' }
}

function shapeOfNumber(text: string): Shape {
  if (!/^-?\d+$/.test(text)) return { kind: 'DOUBLE' }
  if (BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return { kind: 'BIGINT' }
  const digits = text.replace('-', '').length
  return digits <= 38 ? { kind: 'decimal', digits } : { kind: 'DOUBLE' }
}

function meet(left: Shape, right: Shape): Shape {
  if (left.kind === 'null') return right
  if (right.kind === 'null') return left
  if (left.kind === 'array' && right.kind === 'array') {
    return { kind: 'array', element: meet(left.element, right.element) }
  }
  if (left.kind === 'struct' && right.kind === 'struct') {
    const fields = { ...left.fields }
    for (const [name, shape] of Object.entries(right.fields)) {
      const own = fields[name]
      fields[name] = own ? meet(own, shape) : shape
    }
    return { kind: 'struct', fields }
  }
  if (left.kind === 'decimal' && right.kind === 'decimal') {
    return { kind: 'decimal', digits: Math.max(left.digits, right.digits) }
  }
  if (left.kind === right.kind) return left
  const numbers = ['BIGINT', 'DOUBLE', 'decimal']
  if (!numbers.includes(left.kind) || !numbers.includes(right.kind)) return { kind: 'STRING' }
  if (left.kind === 'DOUBLE' || right.kind === 'DOUBLE') return { kind: 'DOUBLE' }
  return {
    kind: 'decimal',
    digits: Math.max(20, ...[left, right].map((shape) => ('digits' in shape ? shape.digits : 0))),
  }
}

function nameOf(shape: Shape): string {
  switch (shape.kind) {
    case 'null':
      return 'STRING'
    case 'decimal':
      return `DECIMAL(${shape.digits},0)`
    case 'array':
      return `ARRAY<${nameOf(shape.element)}>`
    case 'struct': {
      const names = Object.keys(shape.fields).toSorted()
      const fields = names.map(
        (name) => `${fieldName(name)}: ${nameOf(shape.fields[name] ?? { kind: 'null' })}`,
      )
      return `STRUCT<${fields.join(', ')}>`
    }
    default:
      return shape.kind
  }
}

function fieldName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}
