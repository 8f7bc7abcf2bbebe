import { AppError } from '#base/errors.ts'
import { newUuidId } from '#base/ids.ts'
import { selectOpenSandboxes } from '#metadata/access.ts'
import type { SandboxRow } from '#metadata/access-tables.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  insertSandbox,
  lockSandboxQuota,
  replaceSandbox,
  selectSandboxes,
  stopSandboxWork,
  updateSandbox,
} from '#metadata/sandboxes.ts'
import type { Caller } from './access.ts'
import { type Admin, checkName, etagOf, subjectIdOf } from './administration.ts'

export interface SandboxDetails {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly state: SandboxRow['state']
  readonly type: 'production' | 'development'
  readonly isDefault: boolean
  readonly etag: string
  readonly createdAt: Date
  readonly createdBy: string
  readonly modifiedAt: Date
  readonly modifiedBy: string
}

const namePattern = /^[a-z][a-z0-9-]{1,39}$/

/** Sandboxes of the asker's organisation. A name is used once for ever. */
export function createSandboxAdmin(admin: Admin) {
  const { metadata, clock } = admin

  async function locked(tx: Transaction, asker: Caller, name: string): Promise<SandboxRow> {
    const { organizationId } = asker.principal
    const [row] = await selectSandboxes(tx, { organizationId, name, isLocked: true })
    if (row && row.state !== 'deleted') return row
    throw unknownSandbox(name)
  }

  return {
    /** Those the asker may enter. */
    openSandboxes: async ({ principal }: Caller): Promise<SandboxDetails[]> =>
      (await selectOpenSandboxes(metadata.db, principal.id)).map(detailsOf),

    /** All there are and were. */
    sandboxes: async (asker: Caller): Promise<SandboxDetails[]> => {
      await admin.require(asker, 'view-sandboxes')
      const { organizationId } = asker.principal
      return (await selectSandboxes(metadata.db, { organizationId })).map(detailsOf)
    },

    sandboxDetails: async (asker: Caller, name: string): Promise<SandboxDetails> => {
      await admin.require(asker, 'view-sandboxes')
      const { organizationId } = asker.principal
      const [row] = await selectSandboxes(metadata.db, { organizationId, name })
      if (!row) throw unknownSandbox(name)
      return detailsOf(row)
    },

    createSandbox: async (
      asker: Caller,
      wanted: { readonly name: string; readonly title: string; readonly type: SandboxDetails['type'] },
    ): Promise<SandboxDetails> => {
      await admin.require(asker, 'manage-sandboxes')
      if (!namePattern.test(wanted.name)) {
        throw new AppError(
          'sandbox.invalid',
          'The name of a sandbox has 2 to 40 characters: lower-case letters, digits and hyphens, a letter first.',
        )
      }
      const title = checkTitle(wanted.title)
      return await metadata.transaction(async (tx) => {
        const { organizationId } = asker.principal
        const max = await lockSandboxQuota(tx, organizationId)
        const all = await selectSandboxes(tx, { organizationId })
        if (all.some((sandbox) => sandbox.name === wanted.name)) {
          throw new AppError('sandbox.exists', `The name ${wanted.name} is or was a sandbox's already.`, {
            hint: 'Choose another name; those of deleted sandboxes are not used again.',
          })
        }
        if (all.filter((sandbox) => sandbox.state !== 'deleted').length >= max) {
          throw new AppError('sandbox.invalid', `An organisation has at most ${max} sandboxes.`, {
            hint: 'Delete one that nobody needs.',
          })
        }
        const [at, by] = [clock.now(), subjectIdOf(asker.principal.id)]
        await insertSandbox(tx, {
          id: newUuidId('sandbox'),
          organization_id: organizationId,
          name: wanted.name,
          title,
          type: wanted.type,
          is_default: false,
          created_at: at,
          created_by: by,
          modified_at: at,
          modified_by: by,
        })
        const made = await locked(tx, asker, wanted.name)
        await admin.record(tx, asker, { action: 'create', assetType: 'Sandbox', assetId: made.name })
        return detailsOf(made)
      })
    },

    renameSandbox: async (asker: Caller, name: string, title: string): Promise<SandboxDetails> => {
      await admin.require(asker, 'manage-sandboxes')
      checkTitle(title)
      return await metadata.transaction(async (tx) => {
        const row = await locked(tx, asker, name)
        const by = subjectIdOf(asker.principal.id)
        await updateSandbox(tx, row.id, { title, modified_at: clock.now(), modified_by: by })
        await admin.record(tx, asker, { action: 'update', assetType: 'Sandbox', assetId: name })
        return detailsOf(await locked(tx, asker, name))
      })
    },

    /** Empties it in one step; `prod` only when its name is said again. */
    resetSandbox: async (
      asker: Caller,
      name: string,
      options: { readonly confirmation?: string | undefined; readonly isTrial: boolean },
    ): Promise<SandboxDetails> => {
      await admin.require(asker, 'reset-sandboxes')
      return await metadata.transaction(async (tx) => {
        const row = await locked(tx, asker, name)
        if (row.is_default && options.confirmation !== name) {
          throw new AppError('sandbox.default', `Everything in the default sandbox ${name} would be gone.`, {
            hint: `Say that you mean it: ?confirm=${name}`,
          })
        }
        if (options.isTrial) return detailsOf(row)
        const at = clock.now()
        const by = subjectIdOf(asker.principal.id)
        await stopSandboxWork(tx, row.id, at)
        await replaceSandbox(tx, { old: row, id: newUuidId('sandbox'), by, at })
        await admin.record(tx, asker, { action: 'reset', assetType: 'Sandbox', assetId: name })
        return detailsOf(await locked(tx, asker, name))
      })
    },

    deleteSandbox: async (
      asker: Caller,
      name: string,
      { isTrial }: { readonly isTrial: boolean },
    ): Promise<SandboxDetails> => {
      await admin.require(asker, 'manage-sandboxes')
      return await metadata.transaction(async (tx) => {
        const row = await locked(tx, asker, name)
        if (row.is_default) {
          throw new AppError('sandbox.default', `The default sandbox ${name} cannot be deleted.`)
        }
        if (isTrial) return detailsOf(row)
        const at = clock.now()
        const by = subjectIdOf(asker.principal.id)
        await stopSandboxWork(tx, row.id, at)
        await updateSandbox(tx, row.id, { state: 'deleted', modified_at: at, modified_by: by })
        await admin.record(tx, asker, { action: 'delete', assetType: 'Sandbox', assetId: name })
        return { ...detailsOf(row), state: 'deleted', modifiedAt: at, modifiedBy: by }
      })
    },
  }
}

function detailsOf(row: SandboxRow): SandboxDetails {
  return {
    id: row.id,
    name: row.name,
    title: row.title,
    state: row.state,
    type: row.type,
    isDefault: row.is_default,
    etag: etagOf(row.version),
    createdAt: row.created_at,
    createdBy: row.created_by,
    modifiedAt: row.modified_at,
    modifiedBy: row.modified_by,
  }
}

function checkTitle(title: string): string {
  return checkName('The title of a sandbox', title)
}

function unknownSandbox(name: string): AppError {
  return new AppError('sandbox.unknown', `There is no sandbox ${JSON.stringify(name.slice(0, 80))}.`)
}
