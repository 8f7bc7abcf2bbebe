import { mapType, voidType, type DataType } from '#types/data-type.ts'
import { wider } from '#types/implicit-cast.ts'

export function keyType([type]: readonly DataType[]): DataType {
  return type?.kind === 'map' ? type.key : voidType
}

export function valueType([type]: readonly DataType[]): DataType {
  return type?.kind === 'map' ? type.value : voidType
}

/** A map and a key meet; `voidType` is what nothing converts to: no fit. */
export function meetingKey(types: readonly DataType[]): readonly (DataType | undefined)[] {
  const key = wider(keyType(types), types[1] ?? voidType)
  return key ? [mapType(key, valueType(types)), key] : [undefined, voidType]
}
