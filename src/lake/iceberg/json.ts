/** JSON whose whole numbers keep all digits: Iceberg's snapshot ids have 63 bits. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, reviveBigInteger as (key: string, value: unknown) => unknown)
}

export function printJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? rawJson(item.toString()) : item,
  )
}

function reviveBigInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  const isCut = typeof value === 'number' && !Number.isSafeInteger(value)
  return isCut && /^-?\d+$/.test(context.source ?? '') ? BigInt(context.source ?? '') : value
}

/** `JSON.rawJSON`, which TypeScript's library of this target does not know yet. */
const rawJson = (JSON as unknown as { rawJSON(this: void, text: string): unknown }).rawJSON
