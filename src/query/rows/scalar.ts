import { assert } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Literal, ParsedQuery } from '#sql/compile.ts'
import { sparkName } from '#types/data-type.ts'
import { openRows } from './engine-rows.ts'
import { literalOfText } from '../literal-text.ts'
import { planQuery } from './plan-query.ts'
import type { Scope } from '../scope.ts'
import { unlessRemoved } from './unless-removed.ts'

/** The first column of a query's first row; without a row NULL. @throws AppError 'query.type' for a complex value */
export async function evaluateScalar(scope: Scope, query: ParsedQuery): Promise<Literal> {
  return await unlessRemoved(scope, () => scalarOf(scope, query))
}

async function scalarOf(scope: Scope, query: ParsedQuery): Promise<Literal> {
  const planned = await planQuery(scope, query, await scope.journal.pins(scope.step))
  const [first] = planned.columns
  assert(first, 'a query has a column')
  if (['array', 'map', 'struct', 'interval'].includes(first.type.kind)) {
    throw new AppError(
      'query.type',
      `A variable holds a simple value, ${JSON.stringify(first.name)} is ${sparkName(first.type)}.`,
      { position: query.position, hint: 'Take a field of it, or cast it to string.' },
    )
  }
  const formats = planned.columns.map(() => 0 as const)
  await using rows = await openRows(scope, planned, {
    encoding: { kind: 'postgres', formats },
    cap: undefined,
  })
  for (;;) {
    const chunk = await rows.pull({ rowCountMax: 1, bytesMax: 1 })
    if (chunk.rowCount > 0) {
      const text = firstField(chunk.bytes)
      return text === null ? { type: first.type, value: null } : literalOfText(first.type, text)
    }
    if (chunk.state === 'done') return { type: first.type, value: null }
  }
}

/** Of a DataRow message: type, length, count of columns, then each with its length. */
function firstField(bytes: Uint8Array): string | null {
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const byteCount = row.readInt32BE(7)
  return byteCount < 0 ? null : row.toString('utf8', 11, 11 + byteCount)
}
