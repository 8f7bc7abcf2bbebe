import { must } from '#base/assert.ts'
import { AppError, type TextPosition } from '#base/errors.ts'
import { arrayType, sparkName, structType, type DataType } from '#types/data-type.ts'
import { castsExplicitly } from '#types/implicit-cast.ts'
import type { CallExtras, FunctionEntry, RewriteContext, Signature } from '../functions/entry.ts'
import { staysForSpark } from '../functions/engine-neutral.ts'
import { findFunction } from '../functions/registry.ts'
import { acceptedTypes } from './accepts.ts'
import type { BoundExpression } from './bound.ts'
import { callOf, castTo } from './build.ts'
import { foldCall } from './fold-call.ts'
import type { BindState } from './state.ts'
import { someExpression } from './walk.ts'

export interface CallSite {
  readonly state: BindState
  readonly at: TextPosition
  readonly extras?: CallExtras
}

/**
 * A call of a function with values as they are: takes the first signature that fits, converts the values, computes
 * constants, carries out rewrites.
 * @throws AppError 'query.type' when no signature fits
 */
export function resolveCall(
  site: CallSite,
  entry: FunctionEntry,
  values: readonly BoundExpression[],
): BoundExpression {
  const types = values.map((value) => value.type)
  for (const signature of entry.signatures) {
    const accepted = acceptedTypes(signature, types)
    if (!accepted?.every((type, index) => castsExplicitly(must(types[index], 'a type a value'), type)))
      continue
    const converted = values.map((value, index) =>
      convertedTo(site.state, value, must(accepted[index], 'a type a value')),
    )
    checkConstants(site, { entry, signature, values: converted })
    return carriedOut(site, { entry, signature, values: converted })
  }
  throw new AppError('query.type', `${shown(entry)} does not take (${types.map(sparkName).join(', ')}).`, {
    position: site.at,
    hint: `It takes ${entry.signatures.map(signatureText).join(' or ')}.`,
  })
}

/** A call of a function that is known to exist. */
export function callByName(
  site: CallSite,
  name: string,
  values: readonly BoundExpression[],
): BoundExpression {
  return resolveCall(site, must(findFunction(name), `a function ${name}`), values)
}

/** A value as the type wanted; a parameter whose type nobody said takes it. */
export function convertedTo(state: BindState, value: BoundExpression, type: DataType): BoundExpression {
  if (value.kind !== 'parameter' || value.type.kind !== 'void' || type.kind === 'void')
    return castTo(value, type)
  const known = (state.parameterTypes[value.index - 1] ??= type)
  return castTo({ ...value, type: known }, type)
}

export function rewriteContext({ state, at, extras = {} }: CallSite): RewriteContext {
  return {
    now: state.context.now,
    session: state.context.session,
    extras,
    call: (name, values, own = {}) => callByName({ state, at, extras: own }, name, values),
    table: (name) => state.context.catalogue.table(name),
  }
}

interface Chosen {
  readonly entry: FunctionEntry
  readonly signature: Signature
  readonly values: readonly BoundExpression[]
}

/** @throws AppError 'query.type' where what must be the same for all rows is computed of a column */
function checkConstants({ at }: CallSite, { entry, signature, values }: Chosen): void {
  for (const index of signature.constants ?? []) {
    const value = values[index]
    if (!value || !someExpression(value, ({ kind }) => kind === 'column')) continue
    throw new AppError(
      'query.type',
      `${shown(entry)} takes a constant as argument ${index + 1}, not a column.`,
      {
        position: at,
        hint: 'Write the value itself, or compute groups of it with CASE.',
      },
    )
  }
}

function carriedOut(site: CallSite, { entry, signature, values }: Chosen): BoundExpression {
  const { lowering } = signature
  const { extras = {}, at } = site
  switch (lowering.kind) {
    case 'rewrite': {
      const rewritten = lowering.rewrite(values, rewriteContext(site))
      const isKept = site.state.context.engine === 'spark' && staysForSpark(entry, values.length)
      return isKept ? { ...callOf(entry, signature, values, extras, at), type: rewritten.type } : rewritten
    }
    case 'windows': {
      if (extras.over) return lowering.expand(values, extras.over, rewriteContext(site))
      throw new AppError('query.syntax', `${shown(entry)} needs an OVER clause.`, {
        position: at,
        hint: `Write ${shown(entry)}(…) OVER (PARTITION BY … ORDER BY …).`,
      })
    }
    case 'rows': {
      const types = values.map((value) => value.type)
      const call = callOf(entry, signature, values, extras, at)
      return { ...call, type: arrayType(structType(lowering.columns(types, values))) }
    }
    case 'duckdb':
      return foldCall(callOf(entry, signature, values, extras, at))
  }
}

function shown(entry: FunctionEntry): string {
  return must(entry.names[0], 'a function has a name')
}

function signatureText({ takes, optional = 0, rest }: Signature): string {
  const fixed = takes.slice(0, takes.length - optional)
  const open = takes.slice(takes.length - optional).map((pattern) => `[${pattern}]`)
  return `(${[...fixed, ...open, ...(rest ? [`${rest}…`] : [])].join(', ')})`
}
