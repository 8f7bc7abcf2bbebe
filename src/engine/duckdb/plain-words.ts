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
const ofPattern: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/^missing \): /, 'a group is not closed: '],
  [/^missing \]: /, 'a class is not closed: '],
  [/^unexpected \): /, 'a group is closed that was not opened: '],
  [/^invalid escape sequence: /, 'there is no such escape: '],
  [/^invalid character class(?: range)?: /, 'there is no such class: '],
  [/^invalid perl operator: /, 'it is not understood here: '],
  [/^invalid named capture(?: group)?: /, 'a group cannot be named so: '],
  [/^invalid UTF-8/, 'it is not UTF-8'],
  [
    /^(?:bad repetition operator|no argument for repetition operator|invalid repetition size): /,
    'there is nothing to repeat, or too often: ',
  ],
  [/^trailing \\(?: at end of regexp)?(?:: )?/, 'it ends with a backslash'],
]

/** What else a value caused. */
const ofValues: readonly (readonly [theirs: RegExp, ours: string])[] = [
  [/^Argument for ntile must be greater than zero/, 'ntile makes one part or more.'],
  [/^Lists larger than/, 'A list would have more elements than it can.'],
  [/^Can't pack nothing into a struct/, 'A struct has one field or more.'],
]

/**
 * A failure that the data caused, without the engine's way to speak. What statements say themselves (`raise_error`)
 * stays. Undefined: the statement's text is wrong for the engine, which only we can have caused.
 */
export function plainWords(kind: string, text: string): string | undefined {
  const [, zone] = /^Unknown TimeZone '(.*?)'/.exec(text) ?? []
  if (zone !== undefined) return `There is no time zone ${JSON.stringify(zone)}.`
  if (beyondRange.test(text)) return ofValue(text)
  const value = ofValues.find(([theirs]) => theirs.test(text))
  if (value) return value[1]
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
    default: {
      const pattern = ofPattern.find(([theirs]) => theirs.test(text))
      return pattern ? `The pattern cannot be read: ${text.replace(pattern[0], pattern[1])}` : text
    }
  }
}

const beyondRange = /with value (\S+) can't be cast .* destination type (\w+)/

function ofValue(text: string): string {
  const [, given, wanted] = /^Could not convert string '([\s\S]*?)' to (\w+)/.exec(text) ?? []
  if (given !== undefined) return `The text '${given}' cannot be converted to ${typeName(wanted)}.`
  const [, value, type] = beyondRange.exec(text) ?? []
  if (value !== undefined) return `The value ${value} is out of range for ${typeName(type)}.`
  return /out of range|overflow/i.test(text)
    ? 'A value is out of range for its type.'
    : 'A value cannot be converted to the type that is wanted.'
}

function typeName(name = ''): string {
  return typeNames[name] ?? name.toLowerCase()
}
