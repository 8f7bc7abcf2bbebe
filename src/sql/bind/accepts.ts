import {
  arrayType,
  binaryType,
  booleanType,
  dateType,
  doubleType,
  integerType,
  intervalType,
  longType,
  mapType,
  stringType,
  timestampType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import {
  castsImplicitly,
  decimalOf,
  isFractional,
  isIntegral,
  isNumeric,
  wider,
  widerOf,
  widerWithoutStrings,
} from '#types/implicit-cast.ts'
import type { Accepts, Signature } from '../functions/entry.ts'

/** The types a call's arguments are converted to, or undefined where the signature does not fit them. */
export function acceptedTypes(
  signature: Signature,
  types: readonly DataType[],
): readonly DataType[] | undefined {
  const patterns = patternsFor(signature, types.length)
  if (!patterns || signature.fits?.(types) === false) return undefined
  const met = {
    common: meetingType(patterns, types, 'common'),
    comparable: meetingType(patterns, types, 'comparable'),
  }
  const accepted: DataType[] = []
  for (const [index, pattern] of patterns.entries()) {
    const type = types[index] ?? voidType
    const target =
      pattern === 'common' || pattern === 'comparable'
        ? met[pattern]
        : acceptedType(pattern, pattern === 'numeric' && type.kind === 'void' ? numericBeside(types) : type)
    if (!target) return undefined
    accepted.push(target)
  }
  const wanted = signature.converts?.(accepted)
  return wanted ? accepted.map((type, index) => wanted[index] ?? type) : accepted
}

/** NULL among numbers is one of theirs. */
function numericBeside(types: readonly DataType[]): DataType {
  return types.find(isNumeric) ?? voidType
}

/** What each of so many arguments must be; undefined when there are too few or too many. */
export function patternsFor(signature: Signature, count: number): readonly Accepts[] | undefined {
  const { takes, optional = 0, rest } = signature
  if (count < takes.length - optional) return undefined
  if (count <= takes.length) return takes.slice(0, count)
  if (!rest) return undefined
  return [...takes, ...Array.from({ length: count - takes.length }, () => rest)]
}

function meetingType(
  patterns: readonly Accepts[],
  types: readonly DataType[],
  wanted: 'common' | 'comparable',
): DataType | undefined {
  const members = types.filter((_type, index) => patterns[index] === wanted)
  return widerOf(members, wanted === 'common' ? wider : widerWithoutStrings)
}

function acceptedType(
  pattern: Exclude<Accepts, 'common' | 'comparable'>,
  type: DataType,
): DataType | undefined {
  const implicitly = (target: DataType): DataType | undefined =>
    castsImplicitly(type, target) ? target : undefined
  switch (pattern) {
    case 'any':
    case 'lambda':
      return type
    case 'boolean':
      return implicitly(booleanType)
    case 'integer':
      return implicitly(integerType)
    case 'long':
      return implicitly(longType)
    case 'double':
      return implicitly(doubleType)
    case 'string':
      return implicitly(stringType)
    case 'binary':
      return implicitly(binaryType)
    case 'date':
      return implicitly(dateType)
    case 'timestamp':
      return implicitly(timestampType)
    case 'interval':
      if (type.kind === 'void') return intervalType
      return type.kind === 'interval' ? type : undefined
    case 'numeric':
      return isNumeric(type) ? type : implicitly(doubleType)
    case 'integral':
      if (isIntegral(type)) return type
      if (type.kind === 'void') return integerType
      return type.kind === 'string' ? longType : undefined
    case 'fractional':
      return isFractional(type) ? type : implicitly(doubleType)
    case 'decimal':
      return decimalOf(type)
    case 'array':
      if (type.kind === 'void') return arrayType(voidType)
      return type.kind === 'array' ? type : undefined
    case 'map':
      if (type.kind === 'void') return mapType(voidType, voidType)
      return type.kind === 'map' ? type : undefined
    case 'struct':
      return type.kind === 'struct' ? type : undefined
  }
}
