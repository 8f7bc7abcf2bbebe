/** Random queries over one table of difficult values; the same seed always gives the same query. */

type Kind =
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'text'
  | 'bool'
  | 'date'
  | 'time'
  | 'ints'
  | 'texts'
  | 'map'

/** One statement that makes the table on any engine. */
export const differentialTable = `CREATE TABLE t AS SELECT * FROM VALUES
  (1, 0, 0L, 0.0D, 0.00BD, '', true, DATE '1970-01-01', TIMESTAMP '1970-01-01 00:00:00', array(1, 2, 3), array('a'),
    map('a', 1), struct(1 AS a, struct('x' AS c, array(1.5D, NULL) AS d) AS b)),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, CAST(NULL AS DATE), CAST(NULL AS TIMESTAMP), NULL, NULL, NULL, NULL),
  (3, 2147483647, 9223372036854775807L, 1.7976931348623157E308D, 99999999.99BD, 'zürich 東京 🎉', false,
    DATE '9999-12-31', TIMESTAMP '9999-12-31 23:59:59.999999', array(), array(), map(),
    struct(NULL AS a, NULL AS b)),
  (4, -2147483648, CAST('-9223372036854775808' AS BIGINT), -1.7976931348623157E308D, -99999999.99BD, 'abc', true,
    DATE '0001-01-01', TIMESTAMP '1582-10-04 23:59:59.999999', array(NULL), array(NULL, 'b'), map('a', NULL),
    struct(-1 AS a, struct(NULL AS c, NULL AS d) AS b)),
  (5, 7, 7L, 1e-7D, 0.01BD, ' a b ', false, DATE '1582-10-15', TIMESTAMP '2024-03-31 01:30:00',
    array(3, 1, NULL, 1), array('b', 'a', 'b'), map('b', 2, 'a', 3), struct(7 AS a, struct('y' AS c, array() AS d) AS b)),
  (6, -7, -7L, CAST('NaN' AS DOUBLE), 12.35BD, 'A%_b', NULL, DATE '2024-02-29', TIMESTAMP '2024-10-27 01:30:00.5',
    array(-7, 7), array('A%_b', ''), map('', 0), struct(0 AS a, NULL AS b)),
  (7, 60, 86400L, CAST('Infinity' AS DOUBLE), 1.00BD, '12', true, DATE '1900-02-28', TIMESTAMP '2024-03-31 01:30:00',
    array(60), array('12', '3.5'), map('k', 60), struct(60 AS a, struct('12' AS c, array(0.1D) AS d) AS b)),
  (8, 1, 1L, -0.5D, -1.50BD, '2024-02-29', false, DATE '2024-12-30', TIMESTAMP '2024-02-29 12:00:00.000001',
    array(1, 1), array('2024-02-29'), map('a', 1, 'k', NULL), struct(1 AS a, struct('' AS c, array(-0.5D) AS d) AS b))
  AS v(id, i, l, d, n, s, b, dt, ts, xs, tags, m, st)`

const columns: Readonly<Record<Kind, readonly string[]>> = {
  int: ['i', 'id', 'st.a', "m['a']", 'm.k', 'xs[0]', '3', '-1', '0'],
  long: ['l', '5L', 'CAST(id AS BIGINT)'],
  double: ['d', '2.5D', '-0.25D'],
  decimal: ['n', '1.25BD', '-0.5BD'],
  text: ['s', 'st.b.c', 'tags[0]', "'a'", "'12'", "'ab'"],
  bool: ['b', 'true', 'id > 4'],
  date: ['dt', "DATE '2024-02-29'", "DATE '1500-03-01'"],
  time: ['ts', "TIMESTAMP '2024-03-10 02:30:00'"],
  ints: ['xs', 'array(1, NULL, 3)'],
  texts: ['tags', "array('a', 'b')"],
  map: ['m', "map('a', 5)"],
}

/** `$kind` is filled with a value of that kind; `$$` stands for a whole number of a few. */
const forms: Readonly<Record<Kind, readonly string[]>> = {
  int: `$int + $int | $int - $int | $int * $int | $int % $int | pmod($int, $int) | length($text) | size($ints) |
    size($map) | year($date) | month($time) | dayofmonth($date) | hour($time) | minute($time) | datediff($date, $date) |
    instr($text, $text) | CAST($double AS INT) | CAST($text AS INT) | CAST($decimal AS INT) | CAST($long AS INT) |
    CAST($bool AS INT) | abs($int) | greatest($int, $int) | least($int, $int) | coalesce($int, $int) |
    if($bool, $int, $int) | CASE WHEN $bool THEN $int END | nullif($int, $int) | $ints[$$] | shiftleft($int, $$) |
    weekofyear($date) | dayofweek($date) | dayofyear($date) | quarter($date) | levenshtein($text, $text) |
    ascii($text) | $int & $int | $int ^ $int | ~ $int | - $int | array_max($ints) | array_min($ints) | bit_count($int) |
    aggregate($ints, 0, (acc, x) -> acc + coalesce(x, 0)) | cardinality($texts) | element_at($map, $text) |
    sign($int) * 2 | find_in_set($text, 'a,b,12')`
    .split('|')
    .map((form) => form.trim()),
  long: [
    '$long + $int',
    '$long * $long',
    '$int div $int',
    '$long % $long',
    'CAST($double AS BIGINT)',
    'CAST($text AS BIGINT)',
    'array_position($ints, $int)',
    'unix_timestamp($time)',
    'floor($double)',
    'ceil($decimal)',
    'crc32($text)',
    'bigint($decimal)',
  ],
  double: [
    '$int / $int',
    '$double + $double',
    '$double * $int',
    '$double - $double',
    'sqrt(abs($double))',
    'round($double, 2)',
    'CAST($text AS DOUBLE)',
    'CAST($decimal AS DOUBLE)',
    'nanvl($double, 1D)',
    'abs($double)',
    'ln(abs($int))',
    'atan2($int, $int)',
    'signum($double)',
    'months_between($time, $time)',
  ],
  decimal: [
    '$decimal + $decimal',
    '$decimal * $decimal',
    '$decimal / $decimal',
    '$decimal - $int',
    '$decimal % $decimal',
    'CAST($double AS DECIMAL(12, 3))',
    'CAST($text AS DECIMAL(8, 2))',
    'round($decimal, 1)',
    'abs($decimal)',
    'CAST($int AS DECIMAL(10, 1))',
  ],
  text: [
    'upper($text)',
    'lower($text)',
    'trim($text)',
    'substring($text, $int, $$)',
    'concat($text, $text)',
    '$text || $int',
    "lpad($text, $$, '*')",
    "rpad($text, 6, 'xy')",
    'reverse($text)',
    "replace($text, 'a', $text)",
    "split($text, 'a')[0]",
    "date_format($time, 'yyyy-MM-dd HH:mm:ss')",
    'CAST($int AS STRING)',
    'CAST($double AS STRING)',
    'CAST($decimal AS STRING)',
    'CAST($date AS STRING)',
    'CAST($time AS STRING)',
    'CAST($bool AS STRING)',
    'CAST($ints AS STRING)',
    'initcap($text)',
    'hex($text)',
    'md5($text)',
    "regexp_replace($text, '[a-c]+', '<$0>')",
    "concat_ws('-', $texts)",
    "translate($text, 'ab', 'x')",
    'left($text, $$)',
    'right($text, $$)',
    'repeat($text, $$)',
    "substring_index($text, 'a', 1)",
    'soundex($text)',
    'to_json(struct($int AS a, $text AS b))',
    'if($bool, $text, $text)',
    'coalesce($text, $text)',
    'format_number($double, 2)',
    'base64(CAST($text AS BINARY))',
  ],
  bool: [
    '$int < $int',
    '$double >= $double',
    '$text = $text',
    '$decimal <> $int',
    '$date <= $date',
    '$time > $date',
    '$text < $text',
    "$text LIKE '%a%'",
    "$text RLIKE '^[a-z]'",
    'array_contains($ints, $int)',
    '$int IN ($int, $int)',
    '$int BETWEEN $int AND $int',
    '$text IS NULL',
    'NOT $bool',
    '$bool AND $bool',
    '$bool OR $bool',
    '$int <=> $int',
    'exists($ints, x -> x > 1)',
    'forall($ints, x -> x > 1)',
    'isnan($double)',
    'startswith($text, $text)',
    'arrays_overlap($ints, $ints)',
    '$text = $int',
    'CAST($text AS BOOLEAN)',
    'map_contains_key($map, $text)',
  ],
  date: [
    'date_add($date, $$)',
    'date_sub($date, $$)',
    'add_months($date, $$)',
    'last_day($date)',
    "trunc($date, 'MM')",
    'CAST($time AS DATE)',
    'CAST($text AS DATE)',
    'to_date($text)',
    "next_day($date, 'MO')",
    'coalesce($date, $date)',
    'make_date(2024, 2, $$)',
  ],
  time: [
    "date_trunc('HOUR', $time)",
    "date_trunc('WEEK', $time)",
    '$time + INTERVAL 1 DAY',
    '$time - INTERVAL 90 MINUTES',
    '$time + INTERVAL 1 MONTH',
    'CAST($date AS TIMESTAMP)',
    'CAST($text AS TIMESTAMP)',
    "from_utc_timestamp($time, 'America/New_York')",
    "to_utc_timestamp($time, 'Europe/Paris')",
    'timestamp_seconds($int)',
    'greatest($time, $time)',
  ],
  ints: [
    'array($int, $int)',
    'sort_array($ints)',
    'sort_array($ints, false)',
    'array_distinct($ints)',
    'transform($ints, x -> x * 2)',
    'transform($ints, (x, i) -> x + i)',
    'filter($ints, x -> x IS NOT NULL)',
    'slice($ints, 1, $$)',
    'array_union($ints, $ints)',
    'array_except($ints, $ints)',
    'array_intersect($ints, $ints)',
    'sequence(1, $$)',
    'sequence($$, 1)',
    'array_remove($ints, $int)',
    'reverse($ints)',
    'flatten(array($ints, $ints))',
    'concat($ints, $ints)',
    'array_repeat($int, $$)',
    'map_values($map)',
    'zip_with($ints, $ints, (x, y) -> x + y)',
    'array_compact($ints)',
  ],
  texts: [
    'array($text, $text)',
    'map_keys($map)',
    "split($text, '')",
    'array_sort($texts)',
    'transform($ints, x -> CAST(x AS STRING))',
  ],
  map: [
    'map_filter($map, (k, v) -> v > 0)',
    'transform_values($map, (k, v) -> v + 1)',
    "map_concat(map('z', 1), map('y', $int))",
  ],
}

const aggregates: readonly string[] = [
  'count(*)',
  'count($int)',
  'count(DISTINCT $text)',
  'sum($int)',
  'sum($decimal)',
  'avg($int)',
  'avg($decimal)',
  'min($text)',
  'max($date)',
  'min($double)',
  'sort_array(collect_list($int))',
  'sort_array(collect_set($text))',
  'bool_or($bool)',
  'count_if($bool)',
  'max_by($int, id)',
  'bit_xor($int)',
  'sum($int) FILTER (WHERE $bool)',
  'percentile($int, 0.5)',
]

const windows: readonly string[] = [
  'sum($int) OVER (PARTITION BY b ORDER BY id)',
  'lag($text, 1) OVER (ORDER BY id)',
  'lead($int, 2, 0) OVER (ORDER BY id)',
  'row_number() OVER (PARTITION BY b ORDER BY ts, id)',
  'rank() OVER (ORDER BY $int)',
  'dense_rank() OVER (ORDER BY $date DESC)',
  'last_value($int) IGNORE NULLS OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)',
  'count(*) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)',
  'max($decimal) OVER (PARTITION BY b)',
  'SESS_TIMEOUT(ts, 3600) OVER (PARTITION BY b ORDER BY ts, id)',
  "ATTRIBUTION_FIRST_TOUCH(ts, 'c', $text) OVER (PARTITION BY b ORDER BY ts, id)",
  'PREVIOUS($int, 1, true) OVER (ORDER BY id)',
  'NEXT($text) OVER (PARTITION BY b ORDER BY id)',
  "TIME_BETWEEN_PREVIOUS_MATCH(ts, $bool, 'hours') OVER (ORDER BY ts, id)",
]

/** Frames of windows ordered by one number. */
const frames: readonly string[] = [
  'ROWS BETWEEN $$ PRECEDING AND CURRENT ROW',
  'ROWS BETWEEN $$ PRECEDING AND $$ FOLLOWING',
  'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
  'ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING',
  'RANGE BETWEEN $$ PRECEDING AND CURRENT ROW',
  'RANGE BETWEEN CURRENT ROW AND $$ FOLLOWING',
  'RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
]

const framed: readonly string[] = [
  'sum($int)',
  'count($text)',
  'avg($int)',
  'max($decimal)',
  'min($date)',
  'first_value($text)',
  'last_value($int) IGNORE NULLS',
  'collect_list($int)',
  'count_if($bool)',
]

const setOperators = ['UNION ALL', 'UNION', 'INTERSECT', 'INTERSECT ALL', 'EXCEPT', 'EXCEPT ALL'] as const

const shapes = [
  'rows',
  'rows',
  'rows',
  'groups',
  'windows',
  'joined',
  'exploded',
  'groupingSets',
  'frames',
  'sets',
  'pivot',
] as const

export interface GeneratedQuery {
  readonly sql: string
  /** What each column behind the first computes. */
  readonly parts: readonly string[]
}

/** Every form that takes or makes an array or a map, once, of the table's own and then of a constant one. */
export function collectionQueries(partsMax = 12): readonly GeneratedQuery[] {
  const isOfCollections = /\$(?:ints|texts|map)\b|\b(?:array|map|split|sequence)\(/
  const parts = Object.values(forms)
    .flat()
    .filter((form) => isOfCollections.test(form))
    .map((form) => {
      const used = new Map<string, number>()
      return form.replaceAll(/\$\$|\$([a-z]+)/g, (_all, kind?: string) => {
        if (kind === undefined) return '2'
        const values = columns[kind as Kind]
        const count = used.get(kind) ?? 0
        used.set(kind, count + 1)
        return values[count % values.length] ?? ''
      })
    })
  return Array.from({ length: Math.ceil(parts.length / partsMax) }, (_, group) => {
    const some = parts.slice(group * partsMax, (group + 1) * partsMax)
    return { sql: `SELECT id, ${listed(some)} FROM t`, parts: some }
  })
}

export function generatedQuery(seed: number): GeneratedQuery {
  const random = randomFrom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const filled = (form: string, depth: number): string =>
    form.replaceAll(/\$\$|\$([a-z]+)/g, (_all, kind?: string) =>
      kind === undefined ? String(1 + Math.floor(random() * 4)) : valueOf(kind as Kind, depth - 1),
    )
  const valueOf = (kind: Kind, depth: number): string =>
    depth <= 0 || random() < 0.3 ? pick(columns[kind]) : `(${filled(pick(forms[kind]), depth)})`
  const kinds = Object.keys(forms) as Kind[]
  const partCount = 4
  switch (pick(shapes)) {
    case 'groups': {
      const key = pick(['b', 'st.a', 'm.a', 'id % 3', 'month(ts)', 'tags[0]'])
      const parts = Array.from({ length: partCount }, () => filled(pick(aggregates), 2))
      return { sql: `SELECT ${key} AS k, ${listed(parts)} FROM t GROUP BY ${key}`, parts }
    }
    case 'windows': {
      const parts = Array.from({ length: partCount }, () => filled(pick(windows), 2))
      return { sql: `SELECT id, ${listed(parts)} FROM t`, parts }
    }
    case 'groupingSets': {
      const by = pick([
        'ROLLUP (b, k)',
        'CUBE (b, k)',
        'GROUPING SETS ((b, k), (k), ())',
        'GROUPING SETS ((b), (k))',
        'b, ROLLUP (k)',
      ])
      const parts = ['b', 'grouping(k)', 'grouping_id()', filled(pick(aggregates), 2)]
      return { sql: `SELECT k, ${listed(parts)} FROM (SELECT *, id % 3 AS k FROM t) GROUP BY ${by}`, parts }
    }
    case 'frames': {
      const order = pick(['id', 'id DESC'])
      const parts = Array.from({ length: partCount }, () => {
        const partition = pick(['', 'PARTITION BY b '])
        return `${filled(pick(framed), 2)} OVER (${partition}ORDER BY ${order} ${filled(pick(frames), 1)})`
      })
      return { sql: `SELECT id, ${listed(parts)} FROM t`, parts }
    }
    case 'sets': {
      const [kinds, operator] = [[pick(keyed), pick(keyed)], pick(setOperators)]
      const side = (): string => {
        const own = kinds.map((kind, index) => `${valueOf(kind, 2)} AS c${index + 1}`)
        return `SELECT id % 4 AS k, ${own.join(', ')} FROM t WHERE ${filled('$bool', 1)}`
      }
      return { sql: `${side()} ${operator} ${side()}`, parts: kinds }
    }
    case 'pivot': {
      const value = pick(['sum(v)', 'count(v)', 'max(v) AS m, min(v) AS l'])
      const sql = `SELECT * FROM (SELECT id % 3 AS k, b, ${valueOf('int', 2)} AS v FROM t) PIVOT (${value} FOR b IN (true AS yes, false AS no))`
      return { sql, parts: ['yes', 'no', 'yes', 'no'] }
    }
    case 'joined': {
      const parts = [filled('$int', 2), filled('$text', 2)]
      const kind = pick(['JOIN', 'LEFT JOIN', 'FULL JOIN', 'LEFT SEMI JOIN', 'LEFT ANTI JOIN'])
      const sql = `SELECT id, ${listed(parts)} FROM t ${kind} (SELECT i AS j, count(*) AS c FROM t GROUP BY i) u ON t.xs[0] = u.j OR t.id = u.j WHERE ${filled('$bool', 2)}`
      return { sql, parts }
    }
    case 'exploded': {
      const parts = [filled('$int', 1), 'e']
      const generator = pick([
        'explode(xs)',
        'explode_outer(xs)',
        'explode_outer(tags)',
        'explode(map_keys(m))',
      ])
      return { sql: `SELECT id, ${listed(parts)} FROM t LATERAL VIEW ${generator} g AS e`, parts }
    }
    default: {
      const parts = Array.from({ length: partCount }, () => valueOf(pick(kinds), 3))
      const where = random() < 0.3 ? ` WHERE ${filled('$bool', 2)}` : ''
      return { sql: `SELECT id, ${listed(parts)} FROM t${where}`, parts }
    }
  }
}

/** Kinds whose values can be compared by every set operation. */
const keyed = ['int', 'long', 'decimal', 'text', 'bool', 'date', 'time', 'ints'] as const

const listed = (parts: readonly string[]): string =>
  parts.map((part, index) => `${part} AS c${index + 1}`).join(', ')

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
