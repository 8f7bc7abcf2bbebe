import type { KeyedScan } from '#engine/engine.ts'
import type { ScanPlan } from '#lake/lake.ts'
import type { TableScan } from '#sql/compile.ts'
import type { DataType } from '#types/data-type.ts'
import type { HistoryPlan } from './history.ts'

type Key = KeyedScan['keys'][number]

/** The scans of a query that looks rows up in each by a value; undefined where it reads all rows of one, or reads none. */
export function keyedScans(
  plans: ReadonlyMap<TableScan, ScanPlan | HistoryPlan>,
): readonly KeyedScan[] | undefined {
  const found: KeyedScan[] = []
  for (const [scan, plan] of plans) {
    const keyed = 'parts' in plan ? keyedScan(scan, plan) : undefined
    if (!keyed) return undefined
    found.push(keyed)
  }
  return found.length > 0 ? found : undefined
}

function keyedScan({ predicates }: TableScan, plan: ScanPlan): KeyedScan | undefined {
  if (plan.files.length === 0) return undefined
  const { columns } = plan.parts
  const names = new Set(predicates.filter(({ operator }) => operator === '=').map(({ column }) => column))
  const keys = columns.flatMap(({ name, type }): readonly Key[] => {
    const kind = names.has(name) ? kindOf(type) : undefined
    return kind ? [{ name, kind }] : []
  })
  if (keys.length === 0) return undefined
  return { sql: plan.sql, whole: plan.wholeSql(), columns: columns.map(({ name }) => name), keys }
}

function kindOf({ kind }: DataType): Key['kind'] | undefined {
  if (kind === 'string') return 'text'
  return ['byte', 'short', 'integer', 'long'].includes(kind) ? 'integer' : undefined
}
