import { AppError } from '#base/errors.ts'

/** As clients of the Flow Service are told that something is not there. */
export function unknownResource(type: 'flows' | 'runs', id: string): AppError {
  const shown = id.slice(0, 80)
  return new AppError('flow.unknown', `The requested ${type} resource ${shown} is not found.`, {
    detail: { id: shown, type },
  })
}
