import type { DataType } from '#types/data-type.ts'

type DecimalType = Extract<DataType, { kind: 'decimal' }>

/** The engine's own expression for what `plainText` writes of a scalar; NULL for NULL. Large floats may be spelt otherwise. */
export function plainSql(type: DataType, value: string): string {
  switch (type.kind) {
    case 'boolean':
      return `CASE ${value} WHEN true THEN 't' WHEN false THEN 'f' END`
    case 'decimal':
      return decimalSql(type, value)
    case 'double':
      return doubleSql(value)
    case 'float': {
      const text = finiteNumberSql(value, { nan: 'NaN', infinity: 'Infinity', minusInfinity: '-Infinity' })
      return `CASE WHEN ${value} = 0 AND signbit(${value}) THEN '-0' ELSE ${text} END`
    }
    case 'binary':
      return `'\\x' || lower(hex(${value}))`
    case 'date':
      return withPlainBc(`CAST(${value} AS VARCHAR)`)
    case 'timestamp':
      return `${withPlainBc(`CAST(make_timestamp(epoch_us(${value})) AS VARCHAR)`)} || '+00'`
    case 'timestamp_ntz':
      return withPlainBc(`CAST(${value} AS VARCHAR)`)
    case 'interval':
      return intervalSql(value)
    default:
      return `CAST(${value} AS VARCHAR)`
  }
}

/**
 * What `doubleText` prints. The engine finds the same digits, and writes them otherwise where the number is whole or has 16
 * digits before its point.
 */
export function doubleSql(value: string): string {
  const digits = `rtrim(replace(CAST(abs(${value}) AS VARCHAR), '.', ''), '0')`
  return `CASE
    WHEN abs(${value}) < 1e15 THEN CASE
      WHEN ${value} <> trunc(${value}) THEN CAST(${value} AS VARCHAR)
      WHEN ${value} = 0 AND signbit(${value}) THEN '-0'
      ELSE CAST(CAST(${value} AS BIGINT) AS VARCHAR) END
    WHEN abs(${value}) < 1e16 THEN concat(
      CASE WHEN ${value} < 0 THEN '-' END, left(${digits}, 1),
      CASE WHEN length(${digits}) > 1 THEN '.' || substr(${digits}, 2) END, 'e+15')
    WHEN isfinite(${value}) THEN CAST(${value} AS VARCHAR)
    WHEN isnan(${value}) THEN 'NaN'
    WHEN ${value} > 0 THEN 'Infinity'
    WHEN ${value} < 0 THEN '-Infinity' END`
}

/** The engine leaves out the digit before the point where the type has none. */
export function decimalSql({ precision, scale }: DecimalType, value: string): string {
  const text = `CAST(${value} AS VARCHAR)`
  return precision === scale ? `regexp_replace(${text}, '^(-?)[.]', '\\1' || '0.')` : text
}

/** Shortest digits that read back the same; whole numbers without a point. */
export function finiteNumberSql(
  value: string,
  other: { readonly nan: string; readonly infinity: string; readonly minusInfinity: string },
): string {
  return `CASE
    WHEN ${value} = trunc(${value}) AND abs(${value}) < 1e15 THEN CAST(CAST(${value} AS BIGINT) AS VARCHAR)
    WHEN isfinite(${value}) THEN CAST(${value} AS VARCHAR)
    WHEN isnan(${value}) THEN '${other.nan}'
    WHEN ${value} > 0 THEN '${other.infinity}'
    WHEN ${value} < 0 THEN '${other.minusInfinity}' END`
}

/** The engine writes years before Christ as `0044-03-15 (BC)`. */
export function withPlainBc(text: string): string {
  return `replace(${text}, '(BC)', 'BC')`
}

/** A timestamp's time, on the first day of 1970. */
export function timeOfDaySql(timestamp: string): string {
  return `make_timestamp((epoch_us(${timestamp}) % 86400000000 + 86400000000) % 86400000000)`
}

/** As the encoder prints them: `1 year 2 mons -3 days +04:05:06.5`, parts that are nothing left out. */
export function intervalSql(value: string): string {
  const part = (name: string): string => `datepart('${name}', ${value})`
  const [years, months, days] = [part('year'), part('month'), part('day')]
  const micros = `(datepart('hour', ${value}) * 3600000000 + datepart('minute', ${value}) * 60000000 + datepart('microsecond', ${value}))`
  const size = `abs(${micros})`
  // Years and months have one sign.
  const isMonthsBefore = `(${years} < 0 OR ${months} < 0)`
  const isDaysBefore = `CASE WHEN ${days} = 0 THEN ${isMonthsBefore} ELSE ${days} < 0 END`
  const sign = (count: string, isBefore: string): string =>
    `CASE WHEN ${count} < 0 THEN '-' WHEN ${isBefore} THEN '+' ELSE '' END`
  const counted = (count: string, unit: string, isBefore = 'false'): string =>
    `CASE WHEN ${count} <> 0 THEN ${sign(count, isBefore)} || abs(${count}) || ' ${unit}' || CASE WHEN ${count} = 1 THEN '' ELSE 's' END END`
  const clock = `${sign(micros, isDaysBefore)} || printf('%02d:%02d:%02d', ${size} // 3600000000, ${size} // 60000000 % 60, ${size} // 1000000 % 60)`
  const fraction = `CASE WHEN ${size} % 1000000 = 0 THEN '' ELSE '.' || rtrim(printf('%06d', ${size} % 1000000), '0') END`
  return `CASE WHEN ${value} IS NOT NULL THEN concat_ws(' ',
    ${counted(years, 'year')},
    ${counted(months, 'mon')},
    ${counted(days, 'day', isMonthsBefore)},
    CASE WHEN ${micros} <> 0 OR (${years} = 0 AND ${months} = 0 AND ${days} = 0) THEN ${clock} || ${fraction} END) END`
}
