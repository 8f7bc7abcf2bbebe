import { AppError } from '#base/errors.ts'

/**
 * The folder of a landing zone that a target connection names, without slashes around it; `/a/b` and `a/b` are the same.
 * @throws AppError 'flow.invalid'
 */
export function landingPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '')
  // oxlint-disable-next-line no-control-regex -- They are what is refused.
  if (parts.some((part) => /^\.|[\u0000-\u001F\u007F\\]/.test(part))) {
    throw invalidLandingPath('no part of it begins with a dot or has control characters or backslashes')
  }
  return parts.join('/')
}

export function invalidLandingPath(what: string): AppError {
  return new AppError('flow.invalid', `/params/path of the landing zone: ${what}.`, {
    detail: { field: '/params/path' },
  })
}
