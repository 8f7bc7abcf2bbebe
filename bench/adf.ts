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
import { bestOf, cellsOf, ownProcessorSeconds, type Times, timesOf } from './measure.ts'

/**
 * Each Adobe-defined function as the front end prints it, against the best SQL by hand for the same question, in one
 * DuckDB over one file: `npm run bench -- --only adf --rows 10000000 --turns 3 --functions PREVIOUS,NEXT`. Above 1 what is
 * printed was faster.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rows: { type: 'string', default: '10000000' },
    turns: { type: 'string', default: '3' },
    functions: { type: 'string', default: adfQuestions.map(({ name }) => name).join(',') },
  },
})
const turns = Number(values.turns)
const names = values.functions.split(',')
const slowest: Times = { clock: Infinity, processor: Infinity }
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
  console.log('| function | printed | by hand | ratio | processor: printed | by hand | ratio |')
  console.log('|---|---:|---:|---:|---:|---:|---:|')
  for (const { name, dialect, byHand } of adfQuestions) {
    if (!names.includes(name)) continue
    const printed = compiledForFile(dialect, file)
    const hand = byHand.replaceAll('events', `read_parquet('${file}')`)
    const [ours, bare] = await compared(connection, printed, hand)
    console.log(`| ${name} | ${cellsOf(ours, bare)} |`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Best of some turns each, one after the other, so that both meet the same machine. */
async function compared(
  connection: DuckDBConnection,
  printed: string,
  hand: string,
): Promise<readonly [Times, Times]> {
  const best: [Times, Times] = [slowest, slowest]
  for (let turn = 0; turn < turns; turn += 1) {
    const answers: string[] = []
    for (const [place, sql] of [printed, hand].entries()) {
      const times = await timesOf(ownProcessorSeconds, async () => {
        const result = await connection.runAndReadAll(sql)
        answers.push(JSON.stringify(result.getRowsJson()))
      })
      best[place] = bestOf(best[place]!, times)
    }
    if (answers[0] !== answers[1])
      throw new Error(`Printed SQL answers ${answers[0]}, by hand it is ${answers[1]}.`)
  }
  return best
}
