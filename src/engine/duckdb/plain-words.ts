/** The engine's names of types, as the dialect has them. */
const typeNames: Readonly<Record<string, string>> = {
  INT8: 'tinyint',
  INT16: 'smallint',
  INT32: 'int',
  INT64: 'bigint',
  FLOAT: 'float',
  DOUBLE: 'double',
  BOOL: 'boolean',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
  DATE: 'date',
}

/** What is wrong with a regular expression, in the words its reader has for it. */
const ofPattern =
  /^(?:missing [)\]]|unexpected \)|invalid (?:escape sequence|character class|perl operator|named capture|UTF-8)|bad repetition|no argument for repetition|trailing \\)/

/**
 * A failure that the data caused, without the engine's way to speak. What statements say themselves (`raise_error`)
 * stays. Undefined: the statement's text is wrong for the engine, which only we can have caused.
 */
export function plainWords(kind: string, text: string): string | undefined {
  switch (kind) {
    case 'Binder Error':
    case 'Catalog Error':
    case 'Not implemented Error':
    case 'Parser Error':
    case 'Syntax Error':
      return undefined
    case 'Conversion Error':
    case 'Out of Range Error':
      return ofValue(text)
    default:
      if (text.startsWith('More than one row returned by a subquery')) {
        return 'A query used as a value gave more than one row.'
      }
      return ofPattern.test(text) ? `The pattern cannot be read: ${text}` : text
  }
}

function ofValue(text: string): string {
  const [, given, wanted] = /^Could not convert string '([\s\S]*?)' to (\w+)/.exec(text) ?? []
  if (given !== undefined) return `The text '${given}' cannot be converted to ${typeName(wanted)}.`
  const [, value, type] = /with value (\S+) can't be cast .* destination type (\w+)/.exec(text) ?? []
  if (value !== undefined) return `The value ${value} is out of range for ${typeName(type)}.`
  return /out of range|overflow/i.test(text)
    ? 'A value is out of range for its type.'
    : 'A value cannot be converted to the type that is wanted.'
}

function typeName(name = ''): string {
  return typeNames[name] ?? name.toLowerCase()
}
