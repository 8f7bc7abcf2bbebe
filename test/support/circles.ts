import { dirname, join } from 'node:path'
import { importsOf, type SourceFile } from './walls.ts'

/**
 * Where files may import each other in a circle, because what they are about goes round: a grammar, what is said in it, and
 * types that speak of each other. Whatever lies between two files of a circle must be in the same row.
 */
const recursive: readonly (readonly string[])[] = [
  ['sql/parse/'],
  ['sql/bind/', 'sql/functions/entry.ts'],
  ['sql/print/duckdb/'],
  ['sql/print/spark/'],
  ['sql/compile.ts', 'sql/statement.ts', 'sql/definition.ts'],
  ['natives/xml/'],
  ['query/statements/run-block.ts', 'query/statements/run-statement.ts'],
  ['metadata/'],
]

/** Files that import each other in circles and need not, each circle in one line. */
export function circles(files: readonly SourceFile[]): string[] {
  return tiedTogether(arrowsOf(files))
    .filter(
      (paths) => !recursive.some((row) => paths.every((path) => row.some((own) => path.startsWith(own)))),
    )
    .map((paths) => paths.toSorted().join(', '))
}

/** Subfolders whose rooms are in an order: what stands beside them is for all of them. */
const ordered = ['exports/', 'query/']

/** Subfolders that import each other in circles, each circle in one line. */
export function circlesOfFolders(files: readonly SourceFile[]): string[] {
  const arrows = new Map<string, Set<string>>()
  for (const [path, targets] of arrowsOf(files)) {
    const from = dirname(path)
    if (!ordered.some((folder) => from.startsWith(folder))) continue
    const own = arrows.get(from) ?? new Set()
    arrows.set(from, own)
    for (const target of targets) {
      const to = dirname(target)
      if (to !== from && ordered.some((folder) => to.startsWith(folder))) own.add(to)
    }
  }
  return tiedTogether(new Map([...arrows].map(([from, to]) => [from, [...to]]))).map((folders) =>
    folders.toSorted().join(', '),
  )
}

function arrowsOf(files: readonly SourceFile[]): Map<string, string[]> {
  const known = new Set(files.map(({ path }) => path))
  return new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .map((target) => (target.startsWith('#') ? target.slice(1) : join(dirname(file.path), target)))
        .filter((target) => known.has(target)),
    ]),
  )
}

/** Groups of more than one, each of which leads to all others of its group (Tarjan). */
function tiedTogether(arrows: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const groups: string[][] = []
  const visit = (from: string): number => {
    const number = order.size
    order.set(from, number)
    lowest.set(from, number)
    open.push(from)
    for (const to of arrows.get(from) ?? []) {
      const reached = order.has(to) ? (open.includes(to) ? order.get(to)! : number) : visit(to)
      lowest.set(from, Math.min(lowest.get(from)!, reached))
    }
    if (lowest.get(from) === number) {
      const group = open.splice(open.indexOf(from))
      if (group.length > 1) groups.push(group)
    }
    return lowest.get(from)!
  }
  for (const from of arrows.keys()) if (!order.has(from)) visit(from)
  return groups
}
