import { randomUUID } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import {
  awaitKeyRotation,
  deleteSecret,
  insertSecret,
  lockMasterKeys,
  reseal,
  selectKeyIds,
  selectSealedOtherwise,
  selectSecret,
  type SecretOwner,
  type SecretRow,
} from '#metadata/secrets.ts'
import { addKey, dropKeys, loadKeyring } from './keyring.ts'

const resealedAtOnce = 500

/**
 * Secrets that must be read again, as of destinations: sealed in the database, opened only for their owner. Whoever keeps
 * a document with a secret in it puts the secret in the transaction of the document, keeps the id in its place, reads it
 * when it is used, and removes it with the document; a changed secret is put anew and the old one removed.
 */
export interface SecretStore {
  /** @param secret its purpose is bound to it, such as `connection`. @returns the id to read it by */
  put(
    tx: Transaction,
    secret: SecretOwner & { readonly purpose: string; readonly value: string },
  ): Promise<string>
  /** @throws AppError 'admin.unknown' alike for one that is not there and one of somebody else */
  read(id: string, owner: SecretOwner): Promise<string>
  remove(tx: Transaction, id: string, owner: SecretOwner): Promise<void>
  /**
   * Makes a new master key, seals everything with it and forgets the earlier ones. Broken off at any point everything
   * can still be read, and doing it again completes it.
   */
  rotateKey(): Promise<{ readonly keyId: string; readonly secretCount: number }>
}

/** @throws AppError 'home.unusable' when the file of master keys is not right. */
export async function createSecretStore(options: {
  readonly metadata: Metadata
  readonly keyFile: string
  readonly clock: Clock
}): Promise<SecretStore> {
  const { metadata, keyFile, clock } = options
  const load = () => loadKeyring(keyFile, clock.now())
  let keyring = await load()

  async function rotate(): Promise<{ readonly keyId: string; readonly secretCount: number }> {
    keyring = await addKey(keyFile, clock.now())
    const { currentId } = keyring
    const resealSome = async (tx: Transaction): Promise<number> => {
      const rows = await selectSealedOtherwise(tx, currentId, resealedAtOnce)
      for (const row of rows) {
        const context = contextOf(row)
        await reseal(tx, row.id, keyring.seal(keyring.open(row.sealed, context), context))
      }
      return rows.length
    }
    let secretCount = 0
    for (let count = 1; count > 0; secretCount += count) count = await metadata.transaction(resealSome)
    await metadata.transaction(async (tx) => {
      // What was being put with an earlier key is there now.
      await lockMasterKeys(tx, 'alone')
      for (let count = 1; count > 0; secretCount += count) count = await resealSome(tx)
      const used = new Set(await selectKeyIds(tx))
      keyring = await dropKeys(keyFile, (keyId) => used.has(keyId))
    })
    return { keyId: currentId, secretCount }
  }

  return {
    put: async (tx, { organizationId, sandboxId, purpose, value }) => {
      const id = randomUUID()
      await lockMasterKeys(tx, 'share') // Before a key is chosen: it is there until this commits.
      keyring = await load() // Another process may have changed them.
      const place = { id, organization_id: organizationId, sandbox_id: sandboxId ?? null, purpose }
      const { sealed, keyId } = keyring.seal(value, contextOf(place))
      await insertSecret(tx, { ...place, sealed, key_id: keyId, created_at: clock.now() })
      return id
    },
    read: async (id, owner) => {
      const row = await selectSecret(metadata.db, id, owner)
      if (row && !keyring.has(row.key_id)) keyring = await load()
      if (row) return keyring.open(row.sealed, contextOf(row))
      throw new AppError('admin.unknown', 'There is no such secret.')
    },
    remove: (tx, id, owner) => deleteSecret(tx, id, owner),
    rotateKey: async () =>
      await metadata.transaction(async (turn) => {
        await awaitKeyRotation(turn) // Of two at once, each would forget the other's key.
        return await rotate()
      }),
  }
}

/** What a sealed text is bound to: moved to another row or owner it does not open. */
function contextOf(row: Pick<SecretRow, 'id' | 'organization_id' | 'sandbox_id' | 'purpose'>): string {
  return JSON.stringify([row.id, row.organization_id, row.sandbox_id, row.purpose])
}
