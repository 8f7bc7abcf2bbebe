import { bind, close, describe, execute, flush, message, parse, query, sync } from './wire-client.ts'

export interface ConformanceCase {
  readonly name: string
  readonly steps: readonly {
    readonly send: readonly Buffer[]
    /** ReadyForQuery messages to wait for; one by default. */
    readonly answers?: number
  }[]
}

/** Where we mean to answer otherwise than PostgreSQL: the lines that only we say, and why. */
export interface ConformanceDifference {
  readonly name: string
  readonly step?: number
  readonly ours: readonly string[]
  readonly why: string
}

const simple = (...texts: readonly string[]): ConformanceCase['steps'] =>
  texts.map((text) => ({ send: [query(text)] }))
const once = (...send: readonly Buffer[]): ConformanceCase['steps'] => [{ send }]
const one = (sql: string): readonly Buffer[] => [parse(sql), bind(), execute(), sync]
const int4 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const text = (value: string): Buffer => Buffer.from(value)
const all = 'SELECT id, pages, big, small, ratio, value, at, day, ok, note FROM kinds ORDER BY id'
const byPages = 'SELECT id FROM kinds WHERE pages = $1'

export const cases: readonly ConformanceCase[] = [
  { name: 'rows of every kind as text', steps: simple(all) },
  {
    name: 'rows of every kind as binary',
    steps: once(parse(all), bind({ resultFormats: [1] }), describe('P'), execute(), sync),
  },
  {
    name: 'a format for each column',
    steps: once(
      parse('SELECT id, pages, at FROM kinds ORDER BY id'),
      bind({ resultFormats: [0, 1, 0] }),
      describe('P'),
      execute(),
      sync,
    ),
  },
  {
    name: 'several statements in one request',
    steps: simple('SELECT 1 AS a; SELECT id FROM kinds WHERE pages = 3'),
  },
  { name: 'nothing at all', steps: simple('', ' ; ', '-- nothing') },
  {
    name: 'an error ends the rest of a request',
    steps: simple('SELECT 1 AS a; SELECT nothing FROM kinds; SELECT 2 AS b'),
  },
  { name: 'an unknown table', steps: simple('SELECT 1 AS a FROM nowhere') },
  { name: 'an unknown column', steps: simple('SELECT id, nothing FROM kinds') },
  { name: 'no SQL at all', steps: simple('SELEC 1') },
  { name: 'a transaction', steps: simple('BEGIN', 'SELECT 1 AS a', 'COMMIT') },
  {
    name: 'an error in a transaction holds until its end',
    steps: simple('BEGIN', 'SELECT nothing FROM kinds', 'SELECT 1 AS a', 'COMMIT', 'SELECT 1 AS a'),
  },
  { name: 'a rollback', steps: simple('START TRANSACTION', 'ROLLBACK') },
  {
    name: 'savepoints',
    steps: simple(
      'BEGIN; SAVEPOINT a',
      'SELECT nothing FROM kinds',
      'ROLLBACK TO SAVEPOINT a',
      'RELEASE SAVEPOINT a',
      'COMMIT',
    ),
  },
  { name: 'a savepoint outside of a transaction', steps: simple('SAVEPOINT a') },
  {
    name: 'a savepoint that is not there',
    steps: simple(
      'BEGIN; SAVEPOINT a; SAVEPOINT b',
      'ROLLBACK TO c',
      'ROLLBACK TO A',
      'RELEASE a',
      'RELEASE a',
      'ROLLBACK',
    ),
  },
  {
    name: 'a transaction that follows at once',
    steps: simple('BEGIN', 'COMMIT AND CHAIN', 'ROLLBACK AND NO CHAIN', 'COMMIT AND CHAIN'),
  },
  { name: 'words behind an end', steps: simple('COMMIT nothing', 'BEGIN', 'ROLLBACK') },
  {
    name: 'a prepared statement with types',
    steps: simple(
      'PREPARE typed (int, date, text) AS SELECT $1 AS a, $2 AS b, $3 AS c WHERE $1 > 3',
      "EXECUTE typed('7', '2024-02-29', 5)",
      "EXECUTE typed('nothing', NULL, 'x')",
      'PREPARE numbered (numeric) AS SELECT id FROM kinds WHERE value = $1',
      'EXECUTE numbered(12.5)',
    ),
  },
  {
    name: 'a prepared statement with types, run by the extended protocol',
    steps: [
      ...simple('PREPARE typed (bigint) AS SELECT $1 AS a'),
      ...once(parse("EXECUTE typed('7')"), bind({ resultFormats: [1] }), describe('P'), execute(), sync),
    ],
  },
  {
    name: 'a statement that SQL prepared, in the hands of the protocol',
    steps: [
      ...simple('PREPARE known (int) AS SELECT id FROM kinds WHERE pages = $1'),
      ...once(describe('S', 'known'), sync),
      ...once(bind({ statement: 'known', values: [text('3')] }), describe('P'), execute(), sync),
      ...once(bind({ statement: 'known', values: [int4(-1)], formats: [1] }), execute(), sync),
      ...once(bind({ statement: 'known', values: [text('x')] }), sync),
      ...once(parse('SELECT 1 AS a', { name: 'known' }), sync),
      ...once(close('S', 'known'), sync),
      ...simple('EXECUTE known(3)'),
      ...once(parse('SELECT 1 AS a', { name: 'parsed' }), sync),
      ...simple('PREPARE parsed AS SELECT 2 AS a', 'DEALLOCATE parsed', 'PREPARE parsed AS SELECT 2 AS a'),
    ],
  },
  {
    name: 'names that are taken',
    steps: [
      ...simple(
        'BEGIN; DECLARE c CURSOR FOR SELECT 1 AS a',
        'DECLARE c CURSOR FOR SELECT 2 AS a',
        'ROLLBACK',
      ),
      ...once(parse('SELECT 1 AS a'), bind({ portal: 'p' }), bind({ portal: 'p' }), sync),
    ],
  },
  {
    name: 'parameters that become columns',
    steps: once(
      parse('INSERT INTO kinds (day, id, small, ok, value) VALUES ($1, $2, $3, $4, $5)'),
      describe('S'),
      parse('INSERT INTO kinds (big, at) SELECT $1, $2'),
      describe('S'),
      parse('INSERT INTO kinds VALUES ($1, $2), ($3, $4)', { oids: [0, 0, 0, 20] }),
      sync,
    ),
  },
  {
    name: 'a text that is not UTF-8',
    steps: [
      ...once(message('Q', Buffer.from("SELECT '\xff'\0", 'latin1'))),
      ...once(message('P', Buffer.from("\0SELECT '\xe4'\0\0\0", 'latin1')), execute(), sync),
      ...once(parse('SELECT $1 AS a', { oids: [25] }), bind({ values: [Buffer.from([0xff])] }), sync),
      ...simple('SELECT 1 AS a'),
    ],
  },
  { name: 'a transaction in a transaction', steps: simple('BEGIN', 'BEGIN', 'COMMIT') },
  { name: 'an end without a transaction', steps: simple('COMMIT', 'ROLLBACK') },
  {
    name: 'a property that drivers follow',
    steps: simple("SET application_name = 'other'", 'SHOW application_name'),
  },
  {
    name: 'what SHOW calls its column',
    steps: once(
      ...['SHOW datestyle', 'SHOW TIME ZONE', 'SHOW intervalstyle', 'SHOW Server_Version'].flatMap((sql) => [
        parse(sql),
        describe('S'),
      ]),
      sync,
    ),
  },
  {
    name: 'prepared by SQL',
    steps: simple(
      'PREPARE p AS SELECT id FROM kinds WHERE pages = 3',
      'EXECUTE p',
      'DEALLOCATE p',
      'EXECUTE p',
    ),
  },
  {
    name: 'a cursor',
    steps: simple(
      'BEGIN; DECLARE c CURSOR FOR SELECT id FROM kinds ORDER BY id',
      'FETCH 2 FROM c',
      'FETCH 2 FROM c',
      'FETCH 2 FROM c',
      'CLOSE c',
      'COMMIT',
    ),
  },
  {
    name: 'a cursor ends with its transaction, unless it is held',
    steps: simple(
      'BEGIN; DECLARE c CURSOR FOR SELECT id FROM kinds ORDER BY id; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM kinds ORDER BY id',
      'FETCH 1 FROM h',
      'COMMIT',
      'FETCH 1 FROM c',
      'FETCH 1 FROM h',
      'BEGIN; DECLARE i CURSOR WITH HOLD FOR SELECT id FROM kinds',
      'ROLLBACK',
      'FETCH 1 FROM h',
      'FETCH 1 FROM i',
      'CLOSE h',
      'BEGIN; DECLARE c CURSOR FOR SELECT id FROM kinds ORDER BY id',
      'ROLLBACK',
      'FETCH 1 FROM c',
    ),
  },
  {
    name: 'a cursor for a question ends with its transaction, unless it is held',
    steps: simple(
      'BEGIN; DECLARE c CURSOR FOR SELECT typname FROM pg_type WHERE oid = 23; DECLARE h CURSOR WITH HOLD FOR SELECT typname FROM pg_type WHERE oid = 25',
      'COMMIT',
      'FETCH 1 FROM c',
      'FETCH 1 FROM h',
    ),
  },
  { name: 'a cursor that is not there', steps: simple('FETCH 1 FROM nothing') },
  {
    name: 'COPY as text',
    steps: simple('COPY (SELECT id, pages, value, at, note FROM kinds ORDER BY id) TO STDOUT'),
  },
  {
    name: 'COPY as CSV',
    steps: simple(
      "COPY (SELECT id, ok, note FROM kinds ORDER BY id) TO STDOUT (FORMAT csv, HEADER, NULL 'none')",
    ),
  },
  {
    name: 'quotes that are forced',
    steps: simple(
      'COPY (SELECT id, pages, note FROM kinds ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (id, note))',
      'COPY (SELECT id, pages, note FROM kinds ORDER BY id) TO STDOUT CSV HEADER FORCE QUOTE note, id',
      'COPY (SELECT id, pages FROM kinds ORDER BY id) TO STDOUT CSV HEADER FORCE QUOTE *',
      'COPY (SELECT id FROM kinds) TO STDOUT (FORMAT csv, FORCE_QUOTE (nothing))',
    ),
  },
  {
    name: 'options of COPY that make what cannot be read again',
    steps: simple(
      "COPY (SELECT id FROM kinds) TO STDOUT (DELIMITER 'a')",
      "COPY (SELECT id FROM kinds) TO STDOUT (NULL E'a\\nb')",
      "COPY (SELECT id FROM kinds) TO STDOUT (FORMAT csv, QUOTE ',')",
      `COPY (SELECT id FROM kinds) TO STDOUT (FORMAT csv, NULL 'a"b')`,
      'COPY (SELECT id FROM kinds) TO STDOUT (FORMAT csv, HEADER, HEADER)',
      'COPY (SELECT id FROM kinds) TO STDOUT (FORMAT csv, FORMAT text)',
    ),
  },
  {
    name: 'COPY as binary',
    steps: simple('COPY (SELECT id, pages, at, ok FROM kinds ORDER BY id) TO STDOUT (FORMAT binary)'),
  },
  {
    name: 'COPY in the extended protocol',
    steps: once(
      parse('COPY (SELECT id FROM kinds ORDER BY id) TO STDOUT'),
      bind(),
      describe('P'),
      execute(),
      sync,
    ),
  },
  {
    name: 'parameters as text and binary, and what is said of them',
    steps: once(
      parse(byPages, { name: 's' }),
      describe('S', 's'),
      bind({ statement: 's', values: [text('3')] }),
      execute(),
      bind({ statement: 's', values: [int4(-1)], formats: [1] }),
      execute(),
      bind({ statement: 's', values: [null] }),
      execute(),
      close('S', 's'),
      sync,
    ),
  },
  {
    name: 'a declared type',
    steps: once(
      parse('SELECT $1 AS a', { oids: [23] }),
      describe('S'),
      bind({ values: [text('7')] }),
      execute(),
      sync,
    ),
  },
  {
    name: 'a row limit suspends, and asking again goes on',
    steps: [
      {
        send: [
          query('BEGIN'),
          parse('SELECT id FROM kinds ORDER BY id'),
          bind({ portal: 'p' }),
          execute(2, 'p'),
          flush,
          execute(2, 'p'),
          sync,
        ],
        answers: 2,
      },
      { send: [execute(2, 'p'), close('P', 'p'), sync] },
      { send: [query('COMMIT')] },
    ],
  },
  {
    name: 'a portal ends with its transaction',
    steps: [
      { send: [parse('SELECT id FROM kinds ORDER BY id'), bind({ portal: 'p' }), execute(1, 'p'), sync] },
      { send: [execute(1, 'p'), sync] },
    ],
  },
  {
    name: 'statements sent ahead, each with its Sync, one of them wrong',
    steps: [
      {
        send: [...one('SELECT 1 AS a'), ...one('SELECT nothing FROM kinds'), ...one('SELECT 2 AS b')],
        answers: 3,
      },
    ],
  },
  {
    name: 'after an error all is skipped up to Sync',
    steps: once(
      parse('SELECT nothing FROM kinds'),
      bind(),
      execute(),
      parse('SELECT 1 AS a'),
      bind(),
      execute(),
      sync,
    ),
  },
  { name: 'a command has no columns', steps: once(parse('BEGIN'), bind(), describe('P'), execute(), sync) },
  {
    name: 'an empty statement in the extended protocol',
    steps: once(parse(''), bind(), describe('P'), execute(), sync),
  },
  {
    name: 'a statement that is there already',
    steps: once(parse('SELECT 1 AS a', { name: 's' }), parse('SELECT 2 AS a', { name: 's' }), sync),
  },
  { name: 'a statement that is not there', steps: once(bind({ statement: 'nothing' }), sync) },
  { name: 'a portal that is not there', steps: once(execute(0, 'nothing'), sync) },
  { name: 'a description of what is not there', steps: once(describe('S', 'nothing'), sync) },
  {
    name: 'closing what is not there is no error',
    steps: once(close('S', 'nothing'), close('P', 'nothing'), sync),
  },
  { name: 'two statements in one Parse', steps: once(parse('SELECT 1 AS a; SELECT 2 AS b'), sync) },
  { name: 'too few parameters', steps: once(parse(byPages), bind(), sync) },
  {
    name: 'too many result formats',
    steps: once(parse('SELECT 1 AS a'), bind({ resultFormats: [1, 0] }), sync),
  },
  {
    name: 'a parameter that is no number',
    steps: once(parse(byPages), bind({ values: [text('x')] }), execute(), sync),
  },
  {
    name: 'a binary parameter of another length',
    steps: once(parse(byPages), bind({ values: [text('x')], formats: [1] }), execute(), sync),
  },
  {
    name: 'messages left of a COPY',
    steps: once(message('d', text('x')), message('c'), query('SELECT 1 AS a')),
  },
  { name: 'a Sync alone', steps: once(sync) },
  {
    name: 'intervals as text',
    steps: ['1 day', '-1 day 02:00:00', '1 year 2 mons', '-1 years -2 mons +3 days -04:05:06.789'].flatMap(
      (interval) =>
        once(parse('SELECT $1 AS a', { oids: [1186] }), bind({ values: [text(interval)] }), execute(), sync),
    ),
  },
  {
    name: 'a command is not run again, rows that are over are none',
    steps: [
      ...once(parse('BEGIN'), bind(), execute(), execute(), sync),
      ...simple('ROLLBACK'),
      ...once(parse('SELECT 1 AS a'), bind(), execute(), execute(), sync),
      ...once(parse('COPY (SELECT 1 AS a) TO STDOUT'), bind(), execute(), execute(), sync),
    ],
  },
  {
    name: 'a format that is neither text nor binary',
    steps: [
      ...once(parse('SELECT $1 AS a', { oids: [25] }), bind({ values: [text('x')], formats: [2] }), sync),
      ...simple('SELECT 1 AS a'),
    ],
  },
  {
    name: 'a parameter that is an object identifier',
    steps: once(
      parse('SELECT id FROM kinds WHERE pages + 3999999997 = $1', { oids: [26] }),
      bind({ values: [Buffer.from([0xee, 0x6b, 0x28, 0x00])], formats: [1] }),
      execute(),
      sync,
    ),
  },
  {
    name: 'replies come one by one to requests sent ahead',
    steps: [{ send: [query('SELECT 1 AS a'), query('BEGIN'), query('COMMIT')], answers: 3 }],
  },
]

export const differences: readonly ConformanceDifference[] = [
  {
    name: 'a property that drivers follow',
    step: 1,
    ours: ['C SELECT 1'],
    why: 'SHOW gives rows like others, and more than one where it lists things; they are counted.',
  },
  {
    name: 'a binary parameter of another length',
    ours: ['E ERROR 22P02'],
    why: 'PostgreSQL calls too few bytes a fault of the protocol, and too many one of the value; to us both are one of the value.',
  },
]
