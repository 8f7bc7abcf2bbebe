import { AppError } from '#base/errors.ts'

/** As clients of the Flow Service are told that something is not there. */
export function unknownResource(type: string, id: string): AppError {
  const shown = id.slice(0, 80)
  return new AppError(
    'flow.unknown',
    `The requested ${type} resource ${shown} is not found. Verify the resource ID before trying again.`,
    { detail: { id: shown, type } },
  )
}
