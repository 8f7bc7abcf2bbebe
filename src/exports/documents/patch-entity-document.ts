import { AppError } from '#base/errors.ts'
import { applyJsonPatch } from '#base/json-patch.ts'

const operationsMax = 100

/** Here the documented clients replace an object by a part of it: the rest must stay. */
const mergedPaths: ReadonlySet<string> = new Set(['/params', '/scheduleParams', '/auth/params'])
const optionalPaths: ReadonlySet<string> = new Set([
  '/description',
  '/labels',
  '/policy',
  '/transformations',
  '/auth/params',
])
/** What the reference platform's clients know each kind of refusal by. */
const flowCodes = { form: 'FLOW-1434-400', place: 'FLOW-1455-400', value: 'FLOW-1431-400' } as const

/**
 * JSON Patch as the Flow Service's clients write it: a list of add, replace and remove. The document given stays as it is.
 * @throws AppError 'flow.invalid'
 */
export function patchEntityDocument(
  document: Readonly<Record<string, unknown>>,
  patch: unknown,
): Record<string, unknown> {
  if (patch === undefined || patch === null)
    throw new AppError('flow.invalid', 'A list of operations was expected, no body came.', {
      detail: { flowCode: 'FLOW-1405-400' },
    })
  return applyJsonPatch(document, patch, {
    verbs: ['add', 'replace', 'remove'],
    operationsMax,
    isListOnly: true,
    isAddStrict: true,
    isMerged: (path) => mergedPaths.has(path),
    isOptional: (path) => optionalPaths.has(path),
    refuse: (message, _path, problem) =>
      new AppError('flow.invalid', `${message}.`, { detail: { flowCode: flowCodes[problem] } }),
  })
}
