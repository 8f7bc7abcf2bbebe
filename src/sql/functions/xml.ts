import { arrayType, booleanType, doubleType, stringType, type DataType } from '#types/data-type.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

const remarks =
  'XPath 1.0 without namespaces, `id` and `lang`. Entities but those of XML itself are refused, as is what is not well-formed.'

/** What a path finds in a text of XML. */
export const xmlFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('xpath', on(['string', 'string'], arrayType(stringType), 'native_xpath($1, $2)')),
    remarks: `The values of attributes and texts; elements have none and are NULL. ${remarks}`,
  },
  asked('xpath_boolean', booleanType, 'native_xpath_boolean($1, $2)'),
  asked('xpath_string', stringType, 'native_xpath_string($1, $2)'),
  asked('xpath_double xpath_number', doubleType, 'native_xpath_double($1, $2)'),
  number('xpath_float', { kind: 'float' }),
  number('xpath_long', { kind: 'long' }),
  number('xpath_int', { kind: 'integer' }),
  number('xpath_short', { kind: 'short' }),
]

function asked(names: string, gives: DataType, print: string): FunctionEntry {
  return { ...scalar(names, on(['string', 'string'], gives, print)), remarks }
}

function number(name: string, gives: DataType): FunctionEntry {
  return {
    ...scalar(
      name,
      on(['string', 'string'], gives, ({ values: [xml = '', path = ''], cast }) =>
        cast(`native_xpath_double(${xml}, ${path})`, doubleType, gives),
      ),
    ),
    remarks,
  }
}
