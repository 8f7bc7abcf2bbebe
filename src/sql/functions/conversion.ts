import {
  binaryType,
  booleanType,
  byteType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  longType,
  shortType,
  sparkName,
  stringType,
  timestampType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import { castsExplicitly, isNumeric } from '#types/implicit-cast.ts'
import { castTo, nullOf, stringOf } from '../bind/build.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { convertedBase } from './conversion-base.ts'
import { encodedText } from './charsets.ts'
import { onceEach } from './once-each.ts'
import { formattedNumber, formattedText } from './conversion-format.ts'

/** From one form to another: functions named by types, encodings, number formats. */
export const conversionFunctions: readonly FunctionEntry[] = [
  named('string', stringType),
  named('boolean', booleanType),
  named('tinyint', byteType),
  named('smallint', shortType),
  named('int', integerType),
  named('bigint', longType),
  named('float', floatType),
  named('double', doubleType),
  named('decimal', decimalType(10, 0)),
  named('date', dateType),
  named('timestamp', timestampType),
  named('binary', binaryType),
  scalar(
    'typeof',
    rewritten(['any'], ([value]) => stringOf(sparkName(value?.type ?? voidType))),
  ),
  scalar(
    'base64',
    // Lines of 76 signs, as in mails.
    on(
      ['binary'],
      stringType,
      "rtrim(regexp_replace(to_base64($1), '(.{76})', '\\1\r\n', 'g'), chr(13) || chr(10))",
    ),
  ),
  scalar(
    'unbase64',
    on(['string'], binaryType, ({ values }) =>
      onceEach(
        values,
        (text = '') =>
          `(CASE WHEN length(${text}) % 4 = 0 AND regexp_full_match(${text}, '[A-Za-z0-9+/]*={0,2}') THEN from_base64(${text}) ELSE native_unbase64(${text}) END)`,
      ),
    ),
  ),
  scalar(
    'hex',
    on(['binary'], stringType, 'hex($1)', { fits: ([type]) => type?.kind === 'binary' }),
    on(['long'], stringType, 'hex($1)', { fits: ([type]) => type !== undefined && isNumeric(type) }),
    on(['string'], stringType, 'hex($1)'),
  ),
  scalar(
    'unhex',
    on(['string'], binaryType, "(CASE WHEN regexp_full_match($1, '[0-9a-fA-F]*') THEN unhex($1) END)"),
  ),
  {
    ...scalar('encode', on(['string', 'string'], binaryType, encodedText)),
    remarks: 'UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, ISO-8859-1 and US-ASCII.',
  },
  scalar('try_to_binary to_binary', on(['string', 'string'], binaryType, toBinary, { optional: 1 })),
  scalar(
    'conv',
    on(['string', 'integer', 'integer'], stringType, ({ values }) => convertedBase(values)),
  ),
  scalar(
    'format_number',
    on(['numeric', 'integer'], stringType, (call) => formattedNumber(call), {
      fits: ([, places]) => places?.kind !== 'string',
    }),
    on(['numeric', 'string'], stringType, (call) => formattedNumber(call)),
  ),
  scalar('format_string printf', on(['string'], stringType, formattedText, { rest: 'any' })),
]

function named(name: string, type: DataType): FunctionEntry {
  return scalar(
    name,
    rewritten(['any'], ([value = nullOf(voidType)]) => castTo(value, type), {
      fits: ([from]) => from !== undefined && castsExplicitly(from, type),
    }),
  )
}

/** Text in hex (when not said), base64 or UTF-8; NULL for what cannot be read. */
function toBinary({ values: [value = ''], arguments: [, format] }: PrintedCall): string {
  const wanted =
    format === undefined ? 'hex' : format.kind === 'literal' ? String(format.value).toLowerCase() : ''
  if (wanted === 'utf-8' || wanted === 'utf8') return `encode(${value})`
  if (wanted === 'base64') return `list_transform([${value}], lambda t: TRY(from_base64(t)))[1]`
  if (wanted === 'hex')
    return `(CASE WHEN regexp_full_match(${value}, '[0-9a-fA-F]*') THEN unhex(${value}) END)`
  return 'CAST(NULL AS BLOB)'
}
