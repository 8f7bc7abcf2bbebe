import { rmSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { registerNatives } from '../src/engine/duckdb/natives.ts'
import { passableFolder } from '../test/support/passable-folder.ts'
import { adfQuestions } from './adf-questions.ts'
import { compiledForFile } from './compiled-for-file.ts'
import { generateEvents } from './generate.ts'

/**
 * Each Adobe-defined function as the front end prints it, against the best SQL by hand for the same question, in one
 * DuckDB over one file: `npm run bench -- --only adf --rows 10000000`. Above 1 what is printed was faster.
 */
const { values } = parseArgs({
  options: { only: { type: 'string' }, rows: { type: 'string', default: '10000000' } },
})
const turns = 3
const rowCount = Number(values.rows)
const folder = passableFolder('bench-adf')
try {
  const { file } = await generateEvents(join(folder, 'events.parquet'), rowCount, 7)
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  registerNatives(connection)
  console.log(
    `\n${cpus().length} cores (${cpus()[0]?.model.trim()}), ${rowCount.toLocaleString('en')} events\n`,
  )
  console.log('| function | printed | by hand | ratio |\n|---|---:|---:|---:|')
  for (const { name, dialect, byHand } of adfQuestions) {
    const printed = compiledForFile(dialect, file)
    const hand = byHand.replaceAll('events', `read_parquet('${file}')`)
    const [ours, bare] = await compared(connection, printed, hand)
    console.log(`| ${name} | ${ours.toFixed(2)} s | ${bare.toFixed(2)} s | ${(bare / ours).toFixed(2)} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Best of some turns each, one after the other, so that both meet the same machine. */
async function compared(
  connection: DuckDBConnection,
  printed: string,
  hand: string,
): Promise<readonly [number, number]> {
  const best: [number, number] = [Infinity, Infinity]
  for (let turn = 0; turn < turns; turn += 1) {
    const answers: string[] = []
    for (const [place, sql] of [printed, hand].entries()) {
      const startedAt = performance.now()
      const result = await connection.runAndReadAll(sql)
      best[place] = Math.min(best[place] ?? Infinity, (performance.now() - startedAt) / 1000)
      answers.push(JSON.stringify(result.getRowsJson()))
    }
    if (answers[0] !== answers[1])
      throw new Error(`Printed SQL answers ${answers[0]}, by hand it is ${answers[1]}.`)
  }
  return best
}
