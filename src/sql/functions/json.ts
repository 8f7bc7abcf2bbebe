import { arrayType, integerType, mapType, stringType, voidType, type DataType } from '#types/data-type.ts'
import { parseSparkType } from '#types/spark-ddl.ts'
import { AppError } from '#base/errors.ts'
import { must } from '#base/assert.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { stringOf } from '../bind/build.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { jsonOptions, schemaLeniency } from './json-options.ts'
import { objectAtPath, parsed } from './json-paths.ts'
import { readJson } from './json-read.ts'
import { schemaOfJson } from './json-schema.ts'
import { writtenJson } from './json-write.ts'
import { onceEach } from './once-each.ts'

export const jsonFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('get_json_object', on(['string', 'string'], stringType, objectAtPath)),
    remarks: 'Several matches of `[*]` make a JSON array, none NULL.',
  },
  scalar(
    'json_array_length',
    on(['string'], integerType, ({ values: [text = ''] }) =>
      onceEach(
        [parsed(text)],
        (json) =>
          `CASE WHEN json_type(${json}) = 'ARRAY' THEN CAST(json_array_length(${json}) AS INTEGER) END`,
      ),
    ),
  ),
  scalar(
    'json_object_keys',
    on(['string'], arrayType(stringType), ({ values: [text = ''] }) =>
      onceEach(
        [parsed(text)],
        (json) => `CASE WHEN json_type(${json}) = 'OBJECT' THEN json_keys(${json}) END`,
      ),
    ),
  ),
  {
    ...scalar(
      'to_json',
      on(
        ['any', 'any'],
        stringType,
        ({ values: [value = ''], types: [type = voidType], arguments: [, options], cast }) =>
          onceEach([value], (value = '') =>
            writtenJson(value, type, { options: jsonOptions(options), cast }),
          ),
        { optional: 1, fits: ([type]) => isNested(type) },
      ),
    ),
    remarks:
      'Fields that are NULL are left out. Options: `timestampFormat`, `dateFormat`, `ignoreNullFields`.',
  },
  {
    ...scalar(
      'from_json',
      on(
        ['string', 'string', 'any'],
        (_types, [, schema]) => typeOfSchema(schema),
        ({ values: [text = ''], type, arguments: [, , options], cast }: PrintedCall) =>
          readJson(text, type, { options: jsonOptions(options), cast }),
        { optional: 1 },
      ),
    ),
    remarks:
      "The schema is a constant: `'a INT, b ARRAY<STRING>'`. What does not fit its type is NULL: a field alone, an array or a map as a whole.",
  },
  {
    ...scalar(
      'schema_of_json',
      rewritten(
        ['string', 'any'],
        ([text, options]) =>
          stringOf(schemaOfJson(constantText(text, 'schema_of_json'), schemaLeniency(jsonOptions(options)))),
        {
          optional: 1,
        },
      ),
    ),
    remarks: 'Of a constant. Options: those that allow more, and `primitivesAsString`.',
  },
]

function isNested(type: DataType | undefined): boolean {
  return type?.kind === 'struct' || type?.kind === 'array' || type?.kind === 'map' || type?.kind === 'void'
}

function typeOfSchema(schema: BoundExpression | undefined): DataType {
  const type = parseSparkType(constantText(schema, 'from_json'))
  return type.kind === 'map' ? mapType(stringType, type.value) : type
}

/** @throws AppError 'query.type' for what is no constant */
function constantText(value: BoundExpression | undefined, name: string): string {
  const text = must(value, 'an argument that the signature requires')
  if (text.kind === 'literal' && text.value !== null) return String(text.value)
  throw new AppError('query.type', `${name} takes a constant here.`, {
    hint: "Write the text itself: 'a INT, b STRING'.",
  })
}
