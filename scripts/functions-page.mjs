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
  const isGap = ({ function: name, n }) => Object.hasOwn(gaps, `${name} ${n}`)
  const sparkGaps = JSON.parse(fixture('spark-functions-on-spark-gaps.json'))
  const isSparkGap = ({ function: name, n }) => Object.hasOwn(sparkGaps, `${name} ${n}`)
  const known = new Set(functionEntries.flatMap(({ names }) => names))
  const passed = cases.filter((one) => !isGap(one)).length
  const ownCount = fixture('spark-ansi-off.jsonl').split('\n').filter(Boolean).length
  const ownGaps = JSON.parse(fixture('spark-ansi-off-gaps.json'))
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
    'out, `…` repeats. The columns *DuckDB* and *Spark* count the examples that pass on each engine;',
    `on Spark ${cases.filter((one) => !isSparkGap(one)).length} of all do.`,
  ]
  for (const [kind, title, about] of kinds) {
    const entries = functionEntries.filter((entry) => entry.kind === kind).toSorted(byName)
    lines.push('', `## ${title}`, '')
    if (about) lines.push(about, '')
    lines.push('| function | takes | DuckDB | Spark | remarks |', '|---|---|---|---|---|')
    for (const entry of entries) lines.push(row(entry, cases, [isGap, isSparkGap]))
  }
  lines.push('', '## Not there, or not the same yet', '', '| function | examples | why |', '|---|---|---|')
  const reasons = new Map()
  for (const one of cases.filter(isGap)) {
    const key = JSON.stringify([one.function, gaps[`${one.function} ${one.n}`]])
    reasons.set(key, (reasons.get(key) ?? 0) + 1)
  }
  for (const [key, count] of [...reasons].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const [name, reason] = JSON.parse(key)
    lines.push(
      `| ${code(name)}${known.has(name.toLowerCase()) ? '' : ' (not there)'} | ${count} | ${cell(reason)} |`,
    )
  }
  lines.push('', '## Not the same on Spark alone', '', '| function | why |', '|---|---|')
  for (const one of cases.filter((one) => isSparkGap(one) && !isGap(one))) {
    lines.push(`| ${code(one.function)} | ${cell(sparkGaps[`${one.function} ${one.n}`])} |`)
  }
  lines.push('', '## Known differences', '', '| statement | why |', '|---|---|')
  for (const [sql, reason] of Object.entries(ownGaps).toSorted(byReason)) {
    lines.push(`| ${code(sql)} | ${cell(reason)} |`)
  }
  return `${lines.join('\n')}\n`
}

function row({ names, signatures, remarks = '' }, cases, gapsOfEngines) {
  const own = cases.filter((one) => names.includes(one.function.toLowerCase()))
  const count = (isGap) =>
    own.length === 0 ? '' : `${own.filter((one) => !isGap(one)).length} of ${own.length}`
  const counts = gapsOfEngines.map(count).join(' | ')
  const takes = [...new Set(signatures.map(signatureText))].map(code).join(' ')
  return `| ${names.map(code).join(' ')} | ${takes} | ${counts} | ${cell(remarks)} |`
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
