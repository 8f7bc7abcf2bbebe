/**
 * JSON whose numbers keep all their digits: those that a double does not hold come as raw texts, which `JSON.stringify`
 * writes as they were.
 */
interface RawNumber {
  readonly rawJSON: string
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** What this version of TypeScript does not know of yet. @see https://tc39.es/proposal-json-parse-with-source/ */
const json = JSON as unknown as {
  parse(text: string, reviver?: Reviver): unknown
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}

/**
 * Texts without such digits where a number may begin hold no number that needs them; they are read several times as fast.
 * Visitors' ids are texts of 38 digits, behind a quote: those do not count.
 */
const longNumber = /(?:^|[:,[\s])-?(?:[\d.]+[eE][+-]?)?[\d.]{16}/

/** @throws SyntaxError */
export function parseJson(text: string): unknown {
  return longNumber.test(text) ? json.parse(text, keepNumber) : json.parse(text)
}

function keepNumber(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && source.length >= 16
    ? json.rawJSON(source)
    : value
}

export function isRawNumber(value: unknown): value is RawNumber {
  return json.isRawJSON(value)
}
