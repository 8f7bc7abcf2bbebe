import { arrayType, voidType, type DataType } from '#types/data-type.ts'
import { wider } from '#types/implicit-cast.ts'

/** How the arguments of functions of arrays are converted. `voidType` is what nothing converts to: no fit. */

export function elementOf(type: DataType | undefined): DataType {
  return type?.kind === 'array' ? type.element : voidType
}

export const firstElement = (types: readonly DataType[]): DataType => elementOf(types[0])

/** Array and value meet: `array_contains(array(1), 2L)` compares as bigint. `places` are array and value. */
export function meetingElement(
  array: number,
  value: number,
): (types: readonly DataType[]) => readonly (DataType | undefined)[] {
  return (types) => {
    const type = wider(elementOf(types[array]), types[value] ?? voidType)
    return types.map((_type, index) => {
      if (index === array) return type && arrayType(type)
      return index === value ? (type ?? voidType) : undefined
    })
  }
}

/** Every argument becomes an array of strings, the others stay. */
export function firstOfStrings(): readonly (DataType | undefined)[] {
  return [arrayType({ kind: 'string' })]
}
