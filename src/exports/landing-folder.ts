import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import type { SandboxId } from '#base/ids.ts'

/** The landing zone of a sandbox, in our home: the one place there that deliveries go to. */
export function landingZone(home: string, sandboxId: SandboxId): string {
  return join(home, 'landing', sandboxId)
}

/**
 * The folder in it that a target connection names; `/a/b` and `a/b` are the same.
 * @throws AppError 'flow.invalid'
 */
export function landingFolder(home: string, sandboxId: SandboxId, path: string): string {
  const parts = path.split('/').filter((part) => part !== '')
  // oxlint-disable-next-line no-control-regex -- They are what is refused.
  if (parts.some((part) => /^\.|[\u0000-\u001F\u007F\\]/.test(part))) {
    throw new AppError(
      'flow.invalid',
      '/params/path of the landing zone: no part of it begins with a dot or has control characters or backslashes.',
      { detail: { field: '/params/path' } },
    )
  }
  return join(landingZone(home, sandboxId), ...parts)
}
