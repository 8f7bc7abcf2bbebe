import type { Field } from './data-type.ts'

/** Files and objects have each name once: `a`, `a_2`. */
export function distinctlyNamed(columns: readonly Field[]): Field[] {
  const taken = new Set<string>()
  return columns.map((column) => {
    let { name } = column
    for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${column.name}_${count}`
    taken.add(name.toLowerCase())
    return { ...column, name }
  })
}
