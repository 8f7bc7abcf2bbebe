import { randomBytes, randomUUID } from 'node:crypto'
import type { Access, Caller } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Metadata } from '#metadata/metadata.ts'
import {
  deleteInlet,
  type InletRow,
  insertInlet,
  selectInlet,
  selectInletBySecret,
  selectInlets,
} from '#metadata/streaming.ts'
import type { Inlet, OpenInlet, Streaming } from '../streaming.ts'

const inletsShownMax = 1_000
const textLengthMax = 255
const inletIdPattern = /^[0-9a-f]{64}$/

/** Where messages may be sent to. Whoever knows the id of one that asks for nothing may send: it is as long as a key. */
export function createInlets({
  metadata,
  access,
  clock,
}: {
  readonly metadata: Metadata
  readonly access: Access
  readonly clock: Clock
}): Pick<Streaming, 'createInlet' | 'inlet' | 'inlets' | 'deleteInlet' | 'opened'> {
  const requireSources = async (
    { principal, sandbox }: Caller,
    permission: 'view-sources' | 'manage-sources',
  ): Promise<void> => {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }
  /** To who may not see any, none is there; that he asked is on record. */
  const isSeen = async (caller: Caller): Promise<boolean> => {
    try {
      await requireSources(caller, 'view-sources')
      return true
    } catch (error) {
      if (error instanceof AppError && error.code === 'access.denied') return false
      throw error
    }
  }
  const record = async (
    caller: Caller,
    action: string,
    id: string,
    tx: Parameters<Access['audit']>[1],
  ): Promise<void> =>
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action,
        assetType: 'Streaming Connection',
        assetId: id,
        status: 'Allow',
      },
      tx,
    )

  return {
    createInlet: async (caller, inlet) => {
      await requireSources(caller, 'manage-sources')
      for (const text of [inlet.name, inlet.sourceId]) {
        if (text.length < 1 || text.length > textLengthMax || text.includes('\0')) {
          throw new AppError('request.invalid', `Name and sourceId have 1 to ${textLengthMax} characters.`)
        }
      }
      if (inlet.description?.includes('\0') === true) {
        throw new AppError('request.invalid', 'The description holds a NUL character.')
      }
      const row: InletRow = {
        id: randomUUID(),
        inlet_id: randomBytes(32).toString('hex'),
        sandbox_id: caller.sandbox.id,
        name: inlet.name,
        description: inlet.description ?? '',
        source_id: inlet.sourceId,
        requires_authentication: inlet.requiresAuthentication,
        created_at: clock.now(),
        created_by: caller.principal.id,
      }
      await metadata.transaction(async (tx) => {
        if (!(await insertInlet(tx, row))) {
          throw new AppError('inlet.exists', 'The sandbox has a streaming connection with this sourceId.', {
            hint: 'Choose another sourceId, or use the connection there is.',
          })
        }
        await record(caller, 'create', row.id, tx)
      })
      return inletOf(row)
    },
    inlet: async (caller, id) => {
      if (!isUuid(id)) return undefined
      const row = await selectInlet(metadata.db, caller.sandbox.id, id)
      return row && (await isSeen(caller)) ? inletOf(row) : undefined
    },
    inlets: async (caller) => {
      await requireSources(caller, 'view-sources')
      return (await selectInlets(metadata.db, caller.sandbox.id, inletsShownMax)).map(inletOf)
    },
    deleteInlet: async (caller, id) => {
      if (!isUuid(id) || !(await selectInlet(metadata.db, caller.sandbox.id, id))) return false
      if (!(await isSeen(caller))) return false
      await requireSources(caller, 'manage-sources')
      return await metadata.transaction(async (tx) => {
        if (!(await deleteInlet(tx, caller.sandbox.id, id))) return false
        await record(caller, 'delete', id, tx)
        return true
      })
    },
    opened: async (inletId): Promise<OpenInlet> => {
      const row = inletIdPattern.test(inletId) ? await selectInletBySecret(metadata.db, inletId) : undefined
      if (!row) {
        throw new AppError('inlet.unknown', 'There is no such inlet.', {
          hint: 'Its id is the end of the inletUrl of a streaming connection.',
        })
      }
      return {
        inletId,
        requiresAuthentication: row.requires_authentication,
        maker: await access.actAs(row.created_by, row.sandbox_id),
      }
    },
  }
}

function inletOf(row: InletRow): Inlet {
  return {
    id: row.id,
    inletId: row.inlet_id,
    name: row.name,
    description: row.description,
    sourceId: row.source_id,
    requiresAuthentication: row.requires_authentication,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
