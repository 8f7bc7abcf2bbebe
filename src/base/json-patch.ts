export type PatchVerb = 'add' | 'replace' | 'remove' | 'test'

/** One change of a JSON document. */
interface PatchOperation {
  readonly op: PatchVerb
  /** JSON pointer; `-` at the end of an array's appends. */
  readonly path: string
  readonly value?: unknown
}

export interface PatchOptions {
  /** Makes the error for what cannot be done, with the operation's path and what is wrong: with it, or where it leads. */
  readonly refuse: (message: string, path: string, problem: 'form' | 'place' | 'value') => Error
  /** Said of operations that change nothing here: they are passed over. */
  readonly isIgnored?: (path: string) => boolean
  /** Absent: all. */
  readonly verbs?: readonly PatchVerb[]
  readonly operationsMax?: number
  /** One operation alone is no patch. */
  readonly isListOnly?: boolean
  /** `add` puts a value in an array's place, as the standard says. */
  readonly isAddStrict?: boolean
  /** Where `replace` with an object keeps what that does not name. */
  readonly isMerged?: (path: string) => boolean
  /** What may be replaced before it is there. */
  readonly isOptional?: (path: string) => boolean
}

const allVerbs: readonly PatchVerb[] = ['add', 'replace', 'remove', 'test']
const operationsMaxDefault = 1_000

/**
 * JSON Patch without `move` and `copy`. One operation alone counts as a list of one; `add` with a single value onto an
 * array (`/allOf`) appends it, as documented clients write. The document given stays as it is.
 * @see https://www.rfc-editor.org/rfc/rfc6902
 * @throws what `refuse` makes
 */
export function applyJsonPatch(
  document: Readonly<Record<string, unknown>>,
  patch: unknown,
  options: PatchOptions,
): Record<string, unknown> {
  const copy = structuredClone(document)
  for (const operation of operationsOf(patch, options)) {
    if (!options.isIgnored?.(operation.path)) applyOne(copy, operation, options)
  }
  return copy
}

function operationsOf(patch: unknown, options: PatchOptions): readonly PatchOperation[] {
  const { refuse, verbs = allVerbs, operationsMax = operationsMaxDefault, isListOnly = false } = options
  const list: readonly unknown[] = Array.isArray(patch) ? patch : isListOnly ? [] : [patch]
  if (list.length === 0 || list.length > operationsMax) {
    throw refuse(
      `A patch is a list of 1 to ${operationsMax} operations {"op":"add","path":"/title","value":…}`,
      '',
      'form',
    )
  }
  return list.map((entry, index) => {
    const operation = (isObject(entry) ? entry : {}) as { op?: unknown; path?: unknown; value?: unknown }
    const { path, value } = operation
    const given = typeof operation.op === 'string' ? operation.op.toLowerCase() : ''
    const op = verbs.find((verb) => verb === given)
    if (op === undefined) {
      throw refuse(`The operation ${index} has no "op" of ${verbs.join(', ')}`, `/${index}/op`, 'form')
    }
    if (typeof path !== 'string' || !/^(?:\/[^/]*)+$/.test(path)) {
      throw refuse(`The operation ${index} has no "path" like "/title"`, `/${index}/path`, 'form')
    }
    if (op !== 'remove' && value === undefined) {
      throw refuse(`The operation at ${path} has no value`, path, 'value')
    }
    return { op, path, value }
  })
}

function applyOne(document: Record<string, unknown>, operation: PatchOperation, options: PatchOptions): void {
  const { op, path, value } = operation
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = steps.pop() ?? ''
  const missing = () => options.refuse(`There is no ${path.slice(0, 400)} to patch`, path, 'place')
  let parent: unknown = document
  for (const step of steps) parent = child(parent, step)
  if (Array.isArray(parent)) {
    applyToArray(parent, { ...operation, step: last, missing, options })
    return
  }
  if (!isObject(parent) || isForbidden(last)) throw missing()
  const before = Object.hasOwn(parent, last) ? parent[last] : undefined
  // A description that was never given may be replaced; an unknown field may not.
  const isOptional = op === 'replace' && options.isOptional?.(path) === true
  if (op !== 'add' && before === undefined && !isOptional) throw missing()
  if (op === 'remove') delete parent[last]
  else if (op === 'test') expectSame(before, value, options, path)
  else if (op === 'add' && options.isAddStrict !== true && Array.isArray(before) && !Array.isArray(value)) {
    before.push(value)
  } else if (op === 'replace' && options.isMerged?.(path) === true && isObject(before) && isObject(value)) {
    parent[last] = { ...before, ...value }
  } else parent[last] = value
}

function applyToArray(
  array: unknown[],
  given: PatchOperation & { step: string; missing: () => Error; options: PatchOptions },
): void {
  const { op, step, value, path, missing, options } = given
  if (op === 'add' && step === '-') {
    array.push(value)
    return
  }
  const index = /^\d{1,6}$/.test(step) ? Number(step) : Number.NaN
  if (!(index < array.length || (op === 'add' && index === array.length))) throw missing()
  if (op === 'test') expectSame(array[index], value, options, path)
  else array.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]))
}

function expectSame(found: unknown, expected: unknown, { refuse }: PatchOptions, path: string): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) return
  throw refuse(`The test at ${path} failed: something else stands there`, path, 'value')
}

function child(parent: unknown, step: string): unknown {
  if (Array.isArray(parent)) return /^\d{1,6}$/.test(step) ? (parent as unknown[])[Number(step)] : undefined
  return isObject(parent) && !isForbidden(step) && Object.hasOwn(parent, step) ? parent[step] : undefined
}

function isForbidden(step: string): boolean {
  return step === '__proto__' || step === 'constructor' || step === 'prototype'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
