import { DuckDBStructVector } from '@duckdb/node-api'

/** Assigned to an object, it sets what that inherits. */
const lostName = '__proto__'
let isKept = false

/**
 * The binding gathers the fields of a struct in an object, where one of this name is lost. From the first type on that has
 * such a field its value is put back.
 */
export function keepField(names: readonly string[]): void {
  if (isKept || !names.includes(lostName)) return
  isKept = true
  const { prototype } = DuckDBStructVector
  const getItem = Reflect.get(prototype, 'getItem')
  prototype.getItem = function getWhole(this: DuckDBStructVector, index) {
    const item = getItem.call(this, index)
    const field = item ? this.type.entryNames.indexOf(lostName) : -1
    if (item && field !== -1)
      Object.defineProperty(item.entries, lostName, { value: this.getItemValue(index, field) })
    return item
  }
}
