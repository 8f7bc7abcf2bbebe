import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Access, Caller } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { newSecret } from '#access/secrets.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import {
  deleteEndedLandingKeys,
  deleteLandingKeys,
  insertLandingKey,
  type LandingKeyRow,
  lockLandingKeys,
  selectLandingKey,
  selectNewestLandingKey,
} from '#metadata/landing-keys.ts'
import type { Db, Metadata, Transaction } from '#metadata/metadata.ts'
import type { FolderEntry } from '#objects/folder-store.ts'
import type { ObjectSummary } from '#objects/object-store.ts'
import type { LandingPlace, ZoneFiles } from './destinations/landing-place.ts'
import { isSeenBy, landingPermission } from './landing/landing-policies.ts'
import { createLandingReads } from './landing/landing-reads.ts'

/**
 * The landing zones of sandboxes as who gets deliveries there reads them: by a key that is somebody's own, ends by itself,
 * and may no more than he may at the moment it is used.
 */
export interface LandingZones {
  /**
   * The caller's key: the one he has, while it is good for some time yet, or a new one. With `renews` a new one in any
   * case, and those he had end at once.
   */
  key(caller: Caller, options: { readonly renews: boolean }): Promise<LandingKey>
  /** Undefined: nobody has it, or it was ended. One that expired is known for a day. */
  keyOf(accessKeyId: string): Promise<LandingKey | undefined>
  /** As whoever has the key. @throws AppError 'access.denied' when he may not any more */
  open(key: LandingKey): Promise<LandingZone>
}

export interface LandingKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Sent along with every request, as with temporary keys on AWS. */
  readonly sessionToken: string
  readonly expiresAt: Date
  readonly row: LandingKeyRow
}

export type { FolderEntry, ObjectSummary }

/** Names as a store has them, without the zone's own folder; files under way are never seen. Open for one request. */
export interface LandingZone extends AsyncDisposable {
  /** The sandbox's name. */
  readonly folder: string
  list: ZoneFiles['listBehind']
  /** Undefined also for who may not see what it is of. @throws AppError 'access.denied' for who sees that in part */
  head: ZoneFiles['head']
  /**
   * On record, whichever range of the file it is, and one of the reads under way in the sandbox until the zone is closed.
   * @throws AppError 'object.missing', 'access.denied', as `head`; 'limit.exceeded' while there are too many of them
   */
  read(
    file: ObjectSummary,
    range: { readonly start: number; readonly end: number; readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>
}

export { landingPermission }
/** What is asked for again gives what is there while at least this share of its life is left. */
const usedShareMax = 0.5
/** So that the use of one that expired can be told from that of one that never was. */
const endedKeptMs = 86_400_000

const secretPair = z.object({ secretAccessKey: z.string(), sessionToken: z.string() })

export function createLandingZones(options: {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly place: LandingPlace
  /** How long a key is good. */
  readonly keyMs: number
  readonly clock: Clock
}): LandingZones {
  const { metadata, access, secrets, place, keyMs, clock } = options
  const reads = createLandingReads()

  /** Undefined: it was ended since it was looked for. */
  async function keyIn(row: LandingKeyRow): Promise<LandingKey | undefined> {
    try {
      const pair = secretPair.parse(JSON.parse(await secrets.read(row.secret_id, ownerOf(row))))
      return { accessKeyId: row.access_key_id, ...pair, expiresAt: row.expires_at, row }
    } catch (error) {
      if (error instanceof AppError && error.code === 'admin.unknown') return undefined
      throw error
    }
  }

  async function remove(tx: Transaction, rows: readonly LandingKeyRow[]): Promise<void> {
    for (const row of rows) await secrets.remove(tx, row.secret_id, ownerOf(row))
  }

  /** That somebody has, while it is good for some time yet. */
  async function usedRow(db: Db, { principal, sandbox }: Caller): Promise<LandingKeyRow | undefined> {
    const row = await selectNewestLandingKey(db, { sandbox_id: sandbox.id, principal_id: principal.id })
    const leftMs = row ? row.expires_at.getTime() - clock.now().getTime() : 0
    return leftMs >= keyMs * usedShareMax ? row : undefined
  }

  async function newKey(caller: Caller, renews: boolean): Promise<LandingKey> {
    const { principal, sandbox } = caller
    const pair = { secretAccessKey: newSecret(), sessionToken: newSecret() }
    const owner = { organizationId: principal.organizationId, sandboxId: sandbox.id }
    const made = await metadata.transaction(async (tx) => {
      const mine = { sandbox_id: sandbox.id, principal_id: principal.id }
      await lockLandingKeys(tx, mine)
      const known = renews ? undefined : await usedRow(tx, caller)
      if (known) return known // Made since it was looked for.
      const now = clock.now()
      if (renews) await remove(tx, await deleteLandingKeys(tx, mine))
      await remove(tx, await deleteEndedLandingKeys(tx, new Date(now.getTime() - endedKeptMs)))
      const row: LandingKeyRow = {
        access_key_id: `SLUICE${randomBytes(10).toString('hex').toUpperCase()}`,
        organization_id: principal.organizationId,
        ...mine,
        secret_id: await secrets.put(tx, { ...owner, purpose: 'landing key', value: JSON.stringify(pair) }),
        issued_at: now,
        expires_at: new Date(now.getTime() + keyMs),
      }
      await insertLandingKey(tx, row)
      const entry = {
        principalId: principal.id,
        sandboxId: sandbox.id,
        action: 'create',
        assetType: 'Credential',
        assetId: row.access_key_id,
        status: 'Allow',
        detail: { of: 'landing zone', renews },
      } as const
      await access.audit(entry, tx)
      return { accessKeyId: row.access_key_id, ...pair, expiresAt: row.expires_at, row }
    })
    return 'row' in made ? made : ((await keyIn(made)) ?? (await newKey(caller, true)))
  }

  return {
    key: async (caller, { renews }) => {
      const { principal, sandbox } = caller
      await access.require({ principal, permission: landingPermission, sandboxId: sandbox.id })
      const known = renews ? undefined : await usedRow(metadata.db, caller)
      return (known && (await keyIn(known))) ?? (await newKey(caller, renews))
    },
    keyOf: async (accessKeyId) => {
      const row = await selectLandingKey(metadata.db, accessKeyId)
      return row && (await keyIn(row))
    },
    open: async ({ accessKeyId, row }) => {
      const { principal, sandbox } = await access.actAs(row.principal_id, row.sandbox_id)
      await access.require({ principal, permission: landingPermission, sandboxId: sandbox.id })
      const opened = new AsyncDisposableStack()
      const store = opened.use(await place.openZone(sandbox.id))
      const isSeen = (name: string) => isSeenBy({ metadata, access }, { principal, sandbox }, name)
      return {
        folder: sandbox.name,
        list: (prefix, options) => store.listBehind(prefix, options),
        head: async (name, stop) => ((await isSeen(name)) ? await store.head(name, stop) : undefined),
        read: async ({ name }, { start, end, signal }) => {
          if (!(await isSeen(name))) {
            throw new AppError('object.missing', `There is no object ${JSON.stringify(name)}.`)
          }
          opened.use(reads.begin(sandbox.id))
          await access.audit({
            principalId: principal.id,
            sandboxId: sandbox.id,
            action: 'download',
            assetType: 'Landing zone',
            assetId: name,
            status: 'Allow',
            detail: { accessKeyId, start, end },
          })
          return store.read(name, { start, end, signal })
        },
        [Symbol.asyncDispose]: () => opened.disposeAsync(),
      }
    },
  }
}

function ownerOf(row: LandingKeyRow) {
  return { organizationId: row.organization_id, sandboxId: row.sandbox_id }
}
