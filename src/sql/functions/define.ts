import type { DataType } from '#types/data-type.ts'
import type { Accepts, FunctionEntry, Lowering, PrintedCall, Signature } from './entry.ts'

/** Engine text in which `$1` stands for the first argument and `$*` for all of them, or what makes it. */
export type Print = string | ((call: PrintedCall) => string)

type Extras = Partial<Pick<Signature, 'optional' | 'rest' | 'converts' | 'fits' | 'lambda' | 'constants'>>

/** What a function takes and gives, and how the engine says it. */
export function on(
  takes: readonly Accepts[],
  gives: Signature['gives'],
  print: Print,
  extras: Extras = {},
): Signature {
  return { takes, gives, lowering: { kind: 'duckdb', print: printer(print) }, ...extras }
}

/** Only another way to say something else. */
export function rewritten(
  takes: readonly Accepts[],
  rewrite: Extract<Lowering, { kind: 'rewrite' }>['rewrite'],
  extras: Extras = {},
): Signature {
  return { takes, gives: unknownYet, lowering: { kind: 'rewrite', rewrite }, ...extras }
}

/** `names` are separated by spaces; the first is the one shown. */
export function scalar(names: string, ...signatures: readonly Signature[]): FunctionEntry {
  return { names: names.split(' '), kind: 'scalar', signatures }
}

export function aggregate(names: string, ...signatures: readonly Signature[]): FunctionEntry {
  return { names: names.split(' '), kind: 'aggregate', signatures }
}

/** The text with each `$n` replaced by an argument. */
export function filled(template: string, values: readonly string[]): string {
  return template.replaceAll(/\$(\d|\*)/g, (_all, place: string) =>
    place === '*' ? values.join(', ') : (values[Number(place) - 1] ?? 'NULL'),
  )
}

/**
 * Text that mentions a value more than once, and computes it once. Only the value may hold subqueries: the engine
 * refuses them inside a lambda.
 */
export function once(value: string, body: (name: string) => string): string {
  return `list_transform([${value}], lambda v: ${body('(v)')})[1]`
}

/** A bare NULL has no type that an array or map could meet: the caller must say one. */
export const noBareNull: Extras = { fits: (types) => types.every(({ kind }) => kind !== 'void') }
/** As `noBareNull`, of the first argument alone. */
export const firstNoBareNull: Extras = { fits: ([type]) => type?.kind !== 'void' }

/** All arguments are of one kind. */
export const onlyOfKind = (wanted: DataType['kind']): Extras => ({
  fits: (types) => types.every(({ kind }) => kind === wanted),
})
/** As `onlyOfKind`, and NULL beside one that is. */
export const ofKind = (wanted: DataType['kind']): Extras => ({
  fits: (types) =>
    types.every(({ kind }) => kind === wanted || kind === 'void') &&
    types.some(({ kind }) => kind === wanted),
})

/** The type of the first argument. */
export const sameAsFirst = (types: readonly DataType[]): DataType => types[0] ?? { kind: 'void' }

const unknownYet: DataType = { kind: 'void' }

function printer(print: Print): (call: PrintedCall) => string {
  return typeof print === 'string' ? (call) => filled(print, call.values) : print
}
