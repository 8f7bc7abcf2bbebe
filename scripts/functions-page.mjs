// Makes docs/reference/functions.md from the functions themselves and from what Spark answered for each:
//   node scripts/functions-page.mjs
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { functionEntries } from '../src/sql/functions/registry.ts'

const root = join(import.meta.dirname, '..')
const fixture = (name) => readFileSync(join(root, 'test/fixtures', name), 'utf8')
const pagePath = join(root, 'docs/reference/functions.md')

const kinds = [
  ['adobe', 'Adobe-defined functions', 'They need an `OVER` clause; their results are structs.'],
  ['window', 'Window functions', 'They need an `OVER` clause.'],
  ['aggregate', 'Aggregate functions', 'They take `FILTER (WHERE …)`, and `OVER` to compute over a window.'],
  [
    'generator',
    'Functions that make rows',
    'As an item of the select list, in `FROM`, or in `LATERAL VIEW`.',
  ],
  ['scalar', 'Functions and operators of one row', ''],
]

/** The text of the page. */
export function functionsPage() {
  const cases = fixture('spark-functions.jsonl')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const gaps = JSON.parse(fixture('spark-functions-gaps.json'))
  const sparkGaps = JSON.parse(fixture('spark-functions-on-spark-gaps.json'))
  const isGap = isIn(gaps)
  const engines = [isGap, isIn(sparkGaps)]
  const known = new Set(functionEntries.flatMap(({ names }) => names))
  const passed = cases.filter((one) => !isGap(one)).length
  const own = ['spark-further', 'spark-ansi-off']
  const ownCount = own.flatMap((name) => fixture(`${name}.jsonl`).split('\n').filter(Boolean)).length
  const ownGaps = Object.assign({}, ...own.map((name) => JSON.parse(fixture(`${name}-gaps.json`))))
  const promised = cases.filter((one) => one.promised)
  const lines = [
    '# Functions',
    '',
    'Made by `scripts/functions-page.mjs`; do not edit by hand.',
    '',
    `Functions answer as Apache Spark does, with ANSI mode off and the zone UTC. Of Spark's own ${cases.length} examples ${passed} give`,
    `the same values and types here; of the ${promised.length} that are of functions the reference platform documents, ${promised.filter((one) => !isGap(one)).length}.`,
    `Of ${ownCount.toLocaleString('en')} further cases, whose answers were recorded from Spark, ${(ownCount - Object.keys(ownGaps).length).toLocaleString('en')} are the same.`,
    'Names may be written in upper or lower case. Arguments convert as Spark converts them on its own; `[…]` may be left',
    'out, `…` repeats. *DuckDB* and *Spark* count the examples that pass on that engine; the second runs what is printed for it.',
  ]
  for (const [kind, title, about] of kinds) {
    const entries = functionEntries.filter((entry) => entry.kind === kind).toSorted(byName)
    lines.push('', `## ${title}`, '')
    if (about) lines.push(about, '')
    lines.push('| function | takes | DuckDB | Spark | remarks |', '|---|---|---|---|---|')
    for (const entry of entries) lines.push(row(entry, cases, engines))
  }
  lines.push('', '## Not there, or not the same yet', '', '| function | examples | why |', '|---|---|---|')
  for (const [name, reason, count] of reasonsOf(cases, gaps)) {
    lines.push(
      `| ${code(name)}${known.has(name.toLowerCase()) ? '' : ' (not there)'} | ${count} | ${cell(reason)} |`,
    )
  }
  lines.push('', '## Not the same on Spark', '', 'Beyond what is not there at all.', '')
  lines.push('| function | examples | why |', '|---|---|---|')
  for (const [name, reason, count] of reasonsOf(cases, sparkGaps)) {
    if (known.has(name.toLowerCase())) lines.push(`| ${code(name)} | ${count} | ${cell(reason)} |`)
  }
  lines.push('', '## Known differences', '', '| statement | why |', '|---|---|')
  for (const [sql, reason] of Object.entries(ownGaps).toSorted(byReason)) {
    lines.push(`| ${code(sql)} | ${cell(reason)} |`)
  }
  return `${lines.join('\n')}\n`
}

const isIn =
  (gaps) =>
  ({ function: name, n }) =>
    Object.hasOwn(gaps, `${name} ${n}`)

/** Name, reason and how many examples have it, in order of the names. */
function reasonsOf(cases, gaps) {
  const reasons = new Map()
  for (const one of cases.filter(isIn(gaps))) {
    const key = JSON.stringify([one.function, gaps[`${one.function} ${one.n}`]])
    reasons.set(key, (reasons.get(key) ?? 0) + 1)
  }
  return [...reasons]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, count]) => [...JSON.parse(key), count])
}

function row({ names, signatures, remarks = '' }, cases, engines) {
  const own = cases.filter((one) => names.includes(one.function.toLowerCase()))
  const counts = engines.map((isGap) =>
    own.length === 0 ? '' : `${own.filter((one) => !isGap(one)).length} of ${own.length}`,
  )
  const takes = [...new Set(signatures.map(signatureText))].map(code).join(' ')
  return `| ${names.map(code).join(' ')} | ${takes} | ${counts.join(' | ')} | ${cell(remarks)} |`
}

function signatureText({ takes, optional = 0, rest }) {
  const fixed = takes.slice(0, takes.length - optional)
  const open = takes.slice(takes.length - optional).map((pattern) => `[${pattern}]`)
  return `(${[...fixed, ...open, ...(rest ? [`${rest}…`] : [])].join(', ')})`
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const code = (text) => `\`${cell(text)}\``
const byReason = ([, one], [, other]) => (one < other ? -1 : one > other ? 1 : 0)
const byName = ({ names: [one] }, { names: [other] }) => (one < other ? -1 : 1)

if (process.argv[1] === import.meta.filename) writeFileSync(pagePath, functionsPage())
