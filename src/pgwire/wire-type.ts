import { unreachable } from '#base/assert.ts'
import { isComplex } from '#encode/text.ts'
import type { DataType } from '#types/data-type.ts'
import {
  arrayType,
  binaryType,
  booleanType,
  dateType,
  decimalType,
  doubleType,
  floatType,
  integerType,
  intervalType,
  longType,
  shortType,
  stringType,
  timestampNtzType,
  timestampType,
} from '#types/data-type.ts'

/** How PostgreSQL's protocol names a type. */
export interface WireType {
  readonly oid: number
  /** −1 where it varies. */
  readonly byteCount: number
  readonly modifier: number
}

const varying = -1
const text: WireType = { oid: 25, byteCount: varying, modifier: -1 }
const fixed = (oid: number, byteCount: number): WireType => ({ oid, byteCount, modifier: -1 })

/** Complex types are sent as text: their form is the dialect's, not PostgreSQL's records and arrays. */
export function wireTypeOf(type: DataType): WireType {
  switch (type.kind) {
    case 'boolean':
      return fixed(16, 1)
    case 'byte':
    case 'short':
      return fixed(21, 2)
    case 'integer':
      return fixed(23, 4)
    case 'long':
      return fixed(20, 8)
    case 'float':
      return fixed(700, 4)
    case 'double':
      return fixed(701, 8)
    case 'binary':
      return fixed(17, varying)
    case 'date':
      return fixed(1082, 4)
    case 'timestamp':
      return fixed(1184, 8)
    case 'timestamp_ntz':
      return fixed(1114, 8)
    case 'interval':
      return fixed(1186, 16)
    case 'decimal':
      return { oid: 1700, byteCount: varying, modifier: ((type.precision << 16) | type.scale) + 4 }
    case 'string':
    case 'void':
    case 'array':
    case 'map':
    case 'struct':
      return text
    default:
      return unreachable(type)
  }
}

/** Digits before and after the point of a `numeric` parameter, whose declaration says nothing about them. */
const parameterDecimal = decimalType(38, 18)

export const oidOid = 26
export const uuidOid = 2950
export const uuidsOid = 2951
export const jsonbOid = 3802

const types: ReadonlyMap<number, DataType> = new Map([
  [16, booleanType],
  [17, binaryType],
  [18, stringType], // "char"
  [19, stringType], // name
  [20, longType],
  [21, shortType],
  [23, integerType],
  [25, stringType],
  [oidOid, longType],
  [700, floatType],
  [701, doubleType],
  [1042, stringType], // bpchar
  [1043, stringType], // varchar
  [1082, dateType],
  [1114, timestampNtzType],
  [1184, timestampType],
  [1186, intervalType],
  [1700, parameterDecimal],
  [114, stringType], // json
  [uuidOid, stringType],
  [jsonbOid, stringType],
])

/** Each with the OID of its arrays, which clients may send; results have none of PostgreSQL's arrays in them. */
const arrayOids: readonly (readonly [element: number, array: number])[] = [
  [16, 1000],
  [17, 1001],
  [18, 1002],
  [19, 1003],
  [20, 1016],
  [21, 1005],
  [23, 1007],
  [25, 1009],
  [oidOid, 1028],
  [114, 199],
  [700, 1021],
  [701, 1022],
  [1042, 1014],
  [1043, 1015],
  [1082, 1182],
  [1114, 1115],
  [1184, 1185],
  [1186, 1187],
  [1700, 1231],
  [uuidOid, uuidsOid],
  [jsonbOid, 3807],
]
const arrayOfElement = new Map(arrayOids)
const elementOfArray = new Map(arrayOids.map(([element, array]) => [array, element]))

/** What a client is told to send. */
export function parameterOid(type: DataType): number {
  const isSimple = type.kind === 'array' && !isComplex(type.element)
  return (isSimple ? arrayOfElement.get(wireTypeOf(type.element).oid) : undefined) ?? wireTypeOf(type).oid
}

/** The type a client means by an OID; undefined for those we do not take as parameters. */
export function typeOfOid(oid: number): DataType | undefined {
  const element = types.get(elementOfArray.get(oid) ?? 0)
  return element ? arrayType(element) : types.get(oid)
}
