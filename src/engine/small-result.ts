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
  await using pull = await engine.open(statement, { encoding: { kind: 'jsonRows' }, columns, signal })
  const pieces: Buffer[] = []
  for (let isDone = false; !isDone;) {
    const chunk = await pull.pull({ rowCountMax: rowsAtOnce, bytesMax: bytesAtOnce })
    pieces.push(Buffer.from(chunk.bytes))
    isDone = chunk.state === 'done'
  }
  const lines = Buffer.concat(pieces).toString('utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as unknown[])
}
