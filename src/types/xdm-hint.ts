import {
  binaryType,
  type DataType,
  decimalType,
  floatType,
  sparkName,
  timestampNtzType,
} from './data-type.ts'

/** What XDM has no word for is said in a key of ours, so that nothing is lost on the way there and back. */
export type HintKey = 'meta:sparkType' | 'meta:sparkKeyType'

/** The scalar type a key of ours names, if it is there and names one. */
export function hintedType(schema: Readonly<Record<string, unknown>>, key: HintKey): DataType | undefined {
  const hint = schema[key]
  if (typeof hint !== 'string') return undefined
  const decimal = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(hint)
  if (decimal) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])]
    return precision >= 1 && precision <= 38 && scale <= precision ? decimalType(precision, scale) : undefined
  }
  return scalars.get(hint)
}

const scalars: ReadonlyMap<string, DataType> = new Map(
  [
    binaryType,
    floatType,
    timestampNtzType,
    ...(['boolean', 'byte', 'short', 'integer', 'long', 'double', 'date', 'timestamp'] as const).map(
      (kind) => ({
        kind,
      }),
    ),
  ].map((type): [string, DataType] => [sparkName(type), type]),
)
