import type { Field } from '#types/data-type.ts'
import type { Engine, EngineStatement } from './engine.ts'

const rowsAtOnce = 10_000
const bytesAtOnce = 4 * 1024 * 1024

/** All rows of a small result, each an array of JSON values in the order of the columns. */
export async function smallResult(
  engine: Engine,
  statement: EngineStatement,
  { columns, signal }: { readonly columns: readonly Field[]; readonly signal: AbortSignal },
): Promise<readonly (readonly unknown[])[]> {
  const all: (readonly unknown[])[] = []
  for await (const rows of resultRows(engine, statement, { columns, signal })) all.push(...rows)
  return all
}

/** The rows of a result of any size, a few megabytes at once. */
export async function* resultRows(
  engine: Engine,
  statement: EngineStatement,
  { columns, signal }: { readonly columns: readonly Field[]; readonly signal: AbortSignal },
): AsyncGenerator<readonly (readonly unknown[])[]> {
  await using pull = await engine.open(statement, { encoding: { kind: 'jsonRows' }, columns, signal })
  for (let isDone = false; !isDone;) {
    const chunk = await pull.pull({ rowCountMax: rowsAtOnce, bytesMax: bytesAtOnce })
    const lines = Buffer.from(chunk.bytes).toString('utf8').split('\n')
    yield lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown[])
    isDone = chunk.state === 'done'
  }
}
