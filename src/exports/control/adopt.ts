import { buffer } from 'node:stream/consumers'
import type { Access } from '#access/access.ts'
import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId, FlowId, TableId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { lockChain, selectSequenceAt, selectUnfinishedRuns, upsertChain } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { Adopted } from '../exports.ts'
import type { LandingPlace } from '../destinations/landing-place.ts'
import { readManifest, type SealedManifest, watermarkOf } from '../manifests/manifest.ts'
import { parseManifestName } from '../manifests/names.ts'
import { openDestination } from '../destinations/open-destination.ts'
import type { ExportPlan } from '../export-plan.ts'
import { loadSigningKey } from '../manifests/signing-key.ts'
import { locationOf } from '../destinations/target.ts'

export interface AdoptOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly allowsServerIdentity: boolean
  readonly clock: Clock
  readonly keysFolder: string
  readonly landing: LandingPlace
}

/**
 * Takes the destination's word on what was delivered of one dataset, after a database was restored from a backup: the
 * newest manifest there becomes the head of the chain. What the lake has had since that one was sealed is delivered
 * next; what was in it then is not delivered twice. Where the lake was restored to fewer commits than were delivered, the
 * next manifest says so: what follows in the lake has the numbers of commits that are gone.
 * @throws AppError 'flow.invalid' when runs are under way, 'verify.failed' when the head is not signed by our key,
 *   'chain.diverged' when it is of another table
 */
export async function adoptChain(
  options: AdoptOptions,
  caller: Caller,
  { flowId, plan }: { readonly flowId: FlowId; readonly plan: ExportPlan },
): Promise<Adopted> {
  const { metadata, access, clock } = options
  await using store = await openDestination(options, plan)
  const head = await headAt(store, flowId, plan.datasetId)
  const datasetId = plan.datasetId as DatasetId
  if (!head) return { datasetId, chainNumber: undefined, manifest: undefined }
  const { sealed, name } = head
  const { manifest } = sealed
  const key = await loadSigningKey(options.keysFolder)
  if (manifest.publicKey !== key.publicKey)
    throw new AppError('verify.failed', `${name} is signed by another key than this server's.`, {
      hint: 'Another server delivers there: give this export another place.',
    })
  if (manifest.source.tableId !== plan.tableId)
    throw new AppError('chain.diverged', `${name} is of another table than the dataset has now.`, {
      hint: 'Give this export another place: it begins in full there.',
    })
  await metadata.transaction(async (tx) => {
    const [busy] = await selectUnfinishedRuns(tx, { flowId })
    if (busy && (busy.state === 'running' || busy.state === 'sealed'))
      throw new AppError('flow.invalid', `Run ${busy.id} of the export is under way.`, {
        hint: 'Wait until it is over, or cancel it.',
      })
    const chain = await lockChain(tx, flowId, datasetId)
    if (chain && chain.number > manifest.chain.number)
      throw new AppError(
        'chain.diverged',
        `Delivery ${chain.number} is known here, the newest there is ${manifest.chain.number}.`,
      )
    const watermark = await selectSequenceAt(tx, {
      tableId: plan.tableId as TableId,
      sequenceMax: watermarkOf(manifest),
      at: new Date(manifest.sealedAt),
    })
    await upsertChain(tx, {
      flow_id: flowId,
      dataset_id: datasetId,
      number: manifest.chain.number,
      manifest_sha256: sealed.sha256,
      manifest_name: name,
      location: locationOf(plan.target),
      watermark_sequence: watermark,
      reset_to_sequence: watermark < watermarkOf(manifest) ? watermark : null,
      published_at: clock.now(),
    })
    await access.audit(
      {
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action: 'adopt',
        assetType: 'Destination',
        assetId: flowId,
        status: 'Allow',
        detail: { datasetId, chainNumber: manifest.chain.number, manifest: name, watermark },
      },
      tx,
    )
  })
  return { datasetId, chainNumber: manifest.chain.number, manifest: name }
}

/** The manifest of the highest number that is whole. */
async function headAt(
  store: ObjectStore,
  flowId: FlowId,
  datasetId: string,
): Promise<{ readonly name: string; readonly sealed: SealedManifest } | undefined> {
  const { signal } = new AbortController()
  let head: { name: string; sealed: SealedManifest } | undefined
  for await (const object of store.list('', { signal })) {
    const said = parseManifestName(object.name)
    if (!said || !flowId.startsWith(said.flowIdStart)) continue
    if (head && said.chainNumber <= head.sealed.manifest.chain.number) continue
    try {
      const sealed = readManifest(await buffer(store.read(object.name, { signal })))
      const { exportId, datasetId: its } = sealed.manifest
      if (exportId === flowId && its === datasetId) head = { name: object.name, sealed }
    } catch (error) {
      // A broken one is no head: `verify` tells of it.
      if (!(error instanceof AppError) || !['verify.failed', 'object.missing'].includes(error.code))
        throw error
    }
  }
  return head
}
