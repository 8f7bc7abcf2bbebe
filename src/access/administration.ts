import { randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { Access, Caller } from './access.ts'
import type { Permission } from './permissions.ts'

export interface AdminOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly clock: Clock
}

export interface AdminChange {
  readonly action: 'create' | 'update' | 'delete' | 'rotate' | 'reset'
  readonly assetType: string
  readonly assetId: string
  readonly detail?: Readonly<Record<string, unknown>>
}

/** What all of the administration begins and ends with: the question, and the record in the transaction of the change. */
export interface Admin extends AdminOptions {
  require(asker: Caller, permission?: Permission): Promise<void>
  record(tx: Transaction, asker: Caller, change: AdminChange): Promise<void>
  newId(): string
}

export function createAdmin(options: AdminOptions): Admin {
  const { access } = options
  return {
    ...options,
    require: async ({ principal, sandbox }, permission = 'administer-organization') => {
      await access.require({ principal, permission, sandboxId: sandbox.id })
    },
    record: async (tx, { principal, sandbox }, change) => {
      await access.audit({ principalId: principal.id, sandboxId: sandbox.id, status: 'Allow', ...change }, tx)
    },
    newId: () => randomUUID(),
  }
}

/** As the reference platform shows people: `0F3C…@AdobeID`. */
export function subjectIdOf(principalId: string): string {
  return `${principalId.replaceAll('-', '').toUpperCase()}@AdobeID`
}

/** Back to our id, from either form; undefined for another text. */
export function principalIdOf(text: string): string | undefined {
  const hex = /^([0-9a-f]{32})@(?:AdobeID|techacct\.adobe\.com)$/i.exec(text)?.[1]?.toLowerCase()
  if (hex !== undefined) return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return isUuid(text) ? text : undefined
}

export function etagOf(version: number): string {
  return `"${version}"`
}

/** @throws AppError 'admin.version' when the client has seen another version than there is. */
export function checkVersion(version: number, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === '*') return
  const seen = ifMatch.replace(/^W\//, '').replaceAll('"', '')
  if (seen === String(version)) return
  throw new AppError('admin.version', `Version ${seen} was expected, there is version ${version}.`, {
    hint: 'Somebody changed it meanwhile: read it again.',
  })
}

export function unknownThing(what: string, id: string): AppError {
  return new AppError('admin.unknown', `There is no ${what} ${JSON.stringify(id.slice(0, 80))}.`)
}

/** 1 to `max` characters, without those PostgreSQL cannot hold. */
export function checkName(what: string, name: string, max = 255): string {
  if (name.length > 0 && name.length <= max && !name.includes('\0')) return name
  throw new AppError('admin.invalid', `${what} has 1 to ${max} characters.`)
}

/** A step of a patch's path, which comes as in addresses. */
export function stepOf(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new AppError('admin.invalid', `${JSON.stringify(text.slice(0, 80))} is no part of a path.`, {
      cause,
    })
  }
}

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove'
  readonly path: string
  readonly value?: unknown
}
