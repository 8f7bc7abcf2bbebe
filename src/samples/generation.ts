import type { Answer, Generation, SampleRow } from './sample.ts'

/** A generation that counts its rows by table. */
export function generationOf(
  rows: Iterable<SampleRow>,
  {
    tables,
    answers,
  }: { readonly tables: readonly string[]; answers: () => Readonly<Record<string, Answer>> },
): Generation {
  const counts = new Map(tables.map((table) => [table, 0]))
  function* counted(): Generator<SampleRow> {
    for (const row of rows) {
      counts.set(row.table, (counts.get(row.table) ?? 0) + 1)
      yield row
    }
  }
  return { rows: counted(), truth: () => ({ rows: Object.fromEntries(counts), answers: answers() }) }
}
