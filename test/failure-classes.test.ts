import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startProduct } from './support/product.ts'

const exportRun = 'src/exports/run/run-export.test.ts'
const contract = 'test/support/object-store-contract.ts'
const fails = [
  exportRun,
  'failures 3, 5, 17, 18: a delivery that fails at %s is made by the next attempt',
] as const
const losesRows = [exportRun, 'failures 7, 14, 22: an engine that loses rows delivers nothing'] as const
const twoRuns = [exportRun, 'failures 2, 8, 10: two runs at once follow each other and share no row'] as const
const ownNames = [
  'src/exports/manifests/names.test.ts',
  'failures 8, 10: no part is called as another, of another run, of another attempt, or of the same',
] as const
const tornSpool = [
  exportRun,
  'failures 13, 19: a spool file without its end is found before it is delivered',
] as const
const tornFile = [
  'src/formats/read-back.test.ts',
  'failure 13, 19: a Parquet file without its footer, or with none of its bytes, is refused',
] as const
const onlyOurs = [exportRun, 'failures 11, 20: only what we intended is ever swept'] as const
const increments = [
  'src/lake/plan.test.ts',
  'every snapshot can be read again, and increments are their differences',
] as const
const model = [
  'test/lake-model.test.ts',
  'whatever happens to a table, it holds the rows it should (seed %i)',
] as const
const rewritten = [
  'src/lake/upkeep.test.ts',
  'an increment across a rewriting holds every row once, whatever file it is in by now',
] as const
const sessions = [
  'test/failure-classes.test.ts',
  'failures 24 to 27: sessions are those of persons, whatever day, commit and order their events came in',
] as const

/**
 * What has lost, doubled or halved rows in systems like this one, by a number that names of tests say, and the tests
 * that keep it from happening here. `docs/reliability.md` tells which were seen to fail without their guard.
 */
const classes: readonly (readonly [number, string, ...(readonly (readonly [string, string])[])])[] = [
  [
    1,
    'a source is read while rows still come',
    [exportRun, 'failure 1: rows that come while a delivery is made are for the next one'],
    increments,
  ],
  [
    2,
    'rows arrive behind a watermark that is a time',
    twoRuns,
    ['src/lake/append.test.ts', 'ingest times rise also when the clock goes back'],
    [
      'src/lake/append.test.ts',
      'an append that was overtaken writes its rows again with a newer ingest time',
    ],
  ],
  [
    3,
    'an attempt goes on from where nothing was counted',
    fails,
    [exportRun, 'failure 3: a sweep that is interrupted at %s is finished by the next attempt'],
  ],
  [
    4,
    'an attempt that was given up writes beside its successor',
    [
      exportRun,
      'failure 4: an attempt that was overtaken and wakes at %s neither stages nor seals nor publishes',
    ],
    [exportRun, 'failure 4: an attempt that was overtaken after the seal and wakes at %s changes nothing'],
    [exportRun, 'failure 4: an attempt that lost its run at %s gets no further'],
  ],
  [
    5,
    'two runs share a place for what is not ready',
    fails,
    [contract, 'stages one name twice without mixing the two'],
  ],
  [
    6,
    'the answer to a completion is lost, and it is done again',
    [exportRun, 'failure 6: an answer lost after a part was made visible does no harm'],
    [contract, 'completes again, and from another process, without a change'],
  ],
  [
    7,
    'a file that is cut counts as whole',
    losesRows,
    ['src/objects/s3/s3-store.test.ts', 'that was staged and then cut is not completed'],
    [contract, 'leaves nothing visible when the stream of bytes breaks off'],
  ],
  [
    8,
    'names are cut to a second, and written over',
    twoRuns,
    ownNames,
    [contract, 'creates nothing over an object that is there'],
  ],
  [
    9,
    'an object is written again with less in it',
    [exportRun, 'failure 9: what lies under the manifest’s name is never written over'],
    [contract, 'refuses to complete over other bytes'],
  ],
  [10, 'two steps have one file name', twoRuns, ownNames],
  [
    11,
    'cleaning up races with the commit of what is cleaned',
    onlyOurs,
    [
      'src/exports/manifests/record-time.test.ts',
      'what a manifest names is never swept, though it lies in folders below it',
    ],
    ['src/lake/sweep.test.ts', 'what a writer committed before it died stays'],
  ],
  [
    12,
    'an overwrite takes away what was there before the new is whole',
    [
      'src/lake/rewrite.test.ts',
      'an overwrite of everything replaces what is there when it commits; earlier snapshots keep theirs',
    ],
    [exportRun, 'a full export delivers everything each time, in one chain, and takes away nothing of it'],
  ],
  [13, 'a file without its footer is delivered', tornSpool, tornFile],
  [14, 'a batch loses a row, and the counts do not meet', losesRows],
  [
    15,
    'a limit of rows for one fetch is taken for the end',
    [
      'src/pgwire/server.test.ts',
      'a row limit suspends the portal, and asking again goes on to the last row',
    ],
    ['src/pgwire/server.test.ts', 'no row is lost or doubled at any fetch size'],
    ['test/sql-drivers.test.ts', 'tagged templates, pipelined statements, cursors, transactions, errors'],
  ],
  [
    16,
    'rewriting a statement changes what it means',
    ['test/spark-differential.test.ts', 'mean the same on both engines, seeds %i to %i'],
    ['test/spark-differential.test.ts', 'mean the same on both engines for each function of arrays and maps'],
  ],
  [
    17,
    'rows are stored and the note of it is not',
    fails,
    [
      'src/lake/append.test.ts',
      'what the caller does within the commit is undone with it, and the commit with what the caller does',
    ],
  ],
  [
    18,
    'rows are loaded and their load is not known to have ended',
    fails,
    ['src/ingest/create-ingest.test.ts', 'completing twice, also at once and afterwards, loads once'],
    ['src/lake/append.test.ts', 'repeating a batch changes nothing and returns what was'],
    [
      'src/lake/append.test.ts',
      'of two appends of one batch at the same time one commits, and both return it',
    ],
  ],
  [19, 'a file of no bytes is delivered', tornSpool, tornFile],
  [
    20,
    'parts of uploads that nobody finishes stay for ever',
    onlyOurs,
    ['src/objects/s3/s3-store.test.ts', 'is removed once it is old, and never before'],
    ['src/objects/s3/s3-store.test.ts', 'is removed with its token'],
  ],
  [
    21,
    'the mark of completion is missing, or there too early',
    ['src/exports/content.test.ts', 'the marker comes last, and again when the server died before it'],
    [exportRun, 'a delivery whose server is gone at %s is made by its next life'],
  ],
  [
    22,
    'a part that cannot be read is passed over',
    losesRows,
    [
      'src/lake/plan.test.ts',
      'a file that is %s fails the plan or its reading and is named, and no rows are returned',
    ],
  ],
  [
    23,
    'an odd name delivers nothing, without a word',
    [exportRun, 'failure 23: zero rows of a dataset without any are a delivery that says so'],
    [
      'src/exports/odd-names.test.ts',
      'failure 23: whatever a dataset is called, its rows are delivered, and counted',
    ],
    [contract, 'keeps odd names as they are'],
  ],
  [24, 'what comes in increments is not what comes at once', increments, rewritten, model, sessions],
  [
    25,
    'a key has two rows',
    ['src/ingest/streaming.test.ts', 'is there once, in one call, in two, and at two nodes'],
    sessions,
  ],
  [26, 'a session that lasts very long begins anew', sessions],
  [27, 'sessions are cut where files or days are', sessions],
]

test('every class of failure has tests, and they are there', () => {
  expect(classes.map(([number]) => number)).toEqual(Array.from({ length: 27 }, (_, index) => index + 1))
  const root = join(import.meta.dirname, '..')
  const missing: string[] = []
  for (const [number, what, ...proofs] of classes) {
    if (proofs.length === 0) missing.push(`${number}, ${what}: no test`)
    for (const [file, title] of proofs) {
      const path = join(root, file)
      const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
      if (!text.includes(`'${title}',`)) missing.push(`${number}, ${what}: ${file} has no test '${title}'`)
    }
  }
  expect(missing).toEqual([])
})

/** Every 20 minutes for so many, from before a midnight on; then a pause, and some more. */
function visits(person: string, long: number): string[] {
  const start = Date.parse('2026-03-01T22:50:00Z')
  const minutes = [...Array.from({ length: long }, (_, n) => n * 20), long * 20 + 60, long * 20 + 70]
  return minutes.map((minute) => {
    const at = new Date(start + minute * 60_000).toISOString().slice(0, 19).replace('T', ' ')
    return `('${person} ${minute}', '${person}', timestamp '${at}')`
  })
}

test('failures 24 to 27: sessions are those of persons, whatever day, commit and order their events came in', async () => {
  const home = await mkdtemp(join(tmpdir(), 'sluice-sessions-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  await using product = await startProduct({ home })
  // Across one midnight, and for more than four days.
  const all = [...visits('ann', 9), ...visits('bob', 300)]
  const values = (rows: readonly string[]) =>
    `SELECT * FROM VALUES ${rows.join(', ')} AS e(id, who, timestamp)`
  const pieces = [0, 1, 2, 3].map((piece) => all.filter((_, index) => (index * 7) % 4 === piece))
  await product.run(`CREATE TABLE whole AS ${values(all)}; CREATE TABLE pieces AS ${values(pieces[2]!)}`)
  for (const piece of [3, 0, 1]) await product.run(`INSERT INTO pieces ${values(pieces[piece]!)}`)
  const sessionsOf = async (table: string) =>
    await product.rows(
      `SELECT who, s.num, count(*), sum(cast(s.is_new AS int)), count(DISTINCT s.depth), max(s.depth)
       FROM (SELECT who, SESS_TIMEOUT(timestamp, 60 * 30) OVER (PARTITION BY who ORDER BY timestamp
         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM ${table})
       GROUP BY who, s.num ORDER BY who, s.num`,
    )
  const expected = [
    ['ann', 1, 9, 1, 9, 9],
    ['ann', 2, 2, 1, 2, 2],
    ['bob', 1, 300, 1, 300, 300],
    ['bob', 2, 2, 1, 2, 2],
  ]
  expect(await sessionsOf('whole')).toEqual(expected)
  expect(await sessionsOf('pieces')).toEqual(expected)
})
