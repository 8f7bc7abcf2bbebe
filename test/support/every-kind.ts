import {
  arrayType,
  binaryType,
  booleanType,
  dateType,
  decimalType,
  doubleType,
  integerType,
  longType,
  mapType,
  stringType,
  structType,
  timestampNtzType,
  timestampType,
  voidType,
} from '../../src/types/data-type.ts'

/** A column of every kind that the lake stores, nested ones too. */
export const everyKind = structType([
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
  { name: 'day', type: dateType },
  { name: 'is_new', type: booleanType },
  { name: 'n', type: integerType },
  { name: 'big', type: longType },
  { name: 'price', type: decimalType(18, 4) },
  { name: 'ratio', type: doubleType },
  { name: 'local', type: timestampNtzType },
  {
    name: 'web',
    type: structType([
      { name: 'url', type: stringType },
      { name: 'deep', type: structType([{ name: 'depth', type: integerType }]) },
    ]),
  },
  { name: 'tags', type: arrayType(stringType) },
  {
    name: 'identityMap',
    type: mapType(
      stringType,
      arrayType(
        structType([
          { name: 'id', type: stringType },
          { name: 'primary', type: booleanType },
        ]),
      ),
    ),
  },
  { name: 'raw', type: binaryType },
  { name: 'nothing', type: voidType },
  { name: 'odd \'näme" 名', type: stringType },
])

const startMs = Date.UTC(2026, 0, 1)
const minuteMs = 60_000

/** Rows `from` to `to`, one every 97 minutes; each column is NULL in some of them. */
export function everyKindSql(from: number, to: number): string {
  return `SELECT printf('e%05d', i),
    TIMESTAMPTZ '2026-01-01 00:00:00.000001+00' + INTERVAL (i * 97) MINUTE,
    CASE WHEN i % 2 = 0 THEN DATE '1969-12-31' + i::INTEGER END,
    CASE WHEN i % 3 > 0 THEN i % 3 = 1 END,
    CASE WHEN i % 5 > 0 THEN i::INTEGER END,
    4611686018427387904 + i,
    CASE WHEN i % 7 > 0 THEN (i - 50)::DECIMAL(18, 4) / 8 END::DECIMAL(18, 4),
    CASE WHEN i % 11 > 0 THEN i / 4 END::DOUBLE,
    CASE WHEN i % 2 = 1 THEN TIMESTAMP '0099-12-31 23:59:59.5' END,
    CASE WHEN i % 13 > 0 THEN {'url': 'https://例え.jp/' || i, 'deep': CASE WHEN i % 2 = 0 THEN {'depth': i::INTEGER} END} END,
    CASE WHEN i % 4 > 0 THEN [CASE WHEN i % 8 > 4 THEN 'ß' END, '😀' || i] WHEN i % 8 = 0 THEN [] END,
    CASE WHEN i % 3 > 0 THEN MAP {'ECID': [{'id': 'p' || (i % 17), 'primary': i % 2 = 0}], 'email': NULL} END,
    CASE WHEN i % 6 > 0 THEN '\\x00\\xFF'::BLOB END,
    NULL,
    repeat('ä', 20) || i
  FROM range(${from}, ${to}) t(i)`
}

/** Row `i` as JSON; timestamps in microseconds, days since 1970, decimals as text, bytes as hexadecimal. */
export function everyKindRow(i: number): unknown[] {
  const eighths = BigInt(i - 50) * 1250n
  const digits = (eighths < 0n ? -eighths : eighths).toString().padStart(5, '0')
  return [
    `e${String(i).padStart(5, '0')}`,
    (startMs + i * 97 * minuteMs) * 1000 + 1,
    i % 2 === 0 ? i - 1 : null,
    i % 3 > 0 ? i % 3 === 1 : null,
    i % 5 > 0 ? i : null,
    Number(4611686018427387904n + BigInt(i)),
    i % 7 > 0 ? `${eighths < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}` : null,
    i % 11 > 0 ? i / 4 : null,
    i % 2 === 1 ? -59_011_459_200_500_000 : null,
    i % 13 > 0 ? { url: `https://例え.jp/${i}`, deep: i % 2 === 0 ? { depth: i } : null } : null,
    i % 4 > 0 ? [i % 8 > 4 ? 'ß' : null, `😀${i}`] : i % 8 === 0 ? [] : null,
    i % 3 > 0 ? { ECID: [{ id: `p${i % 17}`, primary: i % 2 === 0 }], email: null } : null,
    i % 6 > 0 ? '00ff' : null,
    null,
    `${'ä'.repeat(20)}${i}`,
  ]
}
