import type { Access, Permission } from '#access/access.ts'
import { requireOne } from '#access/require-one.ts'
import type { SecretStore } from '#access/secret-store.ts'
import { AppError } from '#base/errors.ts'
import { isId, parseId } from '#base/ids.ts'
import type { Caller, Dataset, Datasets } from '#datasets/datasets.ts'
import { isForProfiles } from '#datasets/update.ts'
import type { Lake } from '#lake/lake.ts'
import { type EntityRow, selectEntities, selectEntity, selectExportSettings } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { selectScheduledQuery } from '#metadata/scheduled-queries.ts'
import type { ScheduledWriters } from '#query/scheduled-writers.ts'
import { openAuth } from './documents/connection-secret.ts'
import { checkPlaceForm } from './documents/destination-forms.ts'
import { destinationKindOf } from './destination-specs.ts'
import type { DestinationAuth } from './documents/destination-auth.ts'
import { destinationStore } from './destinations/destination-store.ts'
import { encryptionOf } from './destinations/encryption.ts'
import { checkDestination } from './rules/enforce-rules.ts'
import type { EntityKind } from './entity-kind.ts'
import { nouns } from './entities/entity-references.ts'
import {
  type EntityDocuments,
  fileFormatOf,
  type FlowDocument,
  readDocument,
} from './documents/entity-schemas.ts'
import type { LandingPlace } from './destinations/landing-place.ts'
import { foldersOf } from './plan/plan-content.ts'
import { requireEntitled } from './rules/require-entitled.ts'
import { scheduleRuleOf } from './documents/schedule-params.ts'
import { strictHint } from './documents/strict-hint.ts'
import { checkTargetFolder } from './destinations/target-folder.ts'
import { endpointOf, locationOf, type Target } from './destinations/target.ts'
import { targetStore } from './destinations/target-store.ts'

export interface EntityCheckOptions {
  readonly metadata: Metadata
  readonly access: Access
  readonly secrets: SecretStore
  readonly datasets: Datasets
  readonly lake: Pick<Lake, 'table'>
  /** Who writes what is exported. */
  readonly writers: ScheduledWriters
  readonly home: string
  readonly landing: LandingPlace
}

export async function require(access: Access, caller: Caller, permission: Permission): Promise<void> {
  await access.require({ principal: caller.principal, permission, sandboxId: caller.sandbox.id })
}

/** Accounts may be changed by who manages destinations or exports datasets; all else by who exports datasets. */
export const permissionsToChange = {
  connections: ['manage-destinations', 'manage-dataset-destinations'],
  sourceConnections: ['manage-dataset-destinations'],
  targetConnections: ['manage-destinations', 'manage-dataset-destinations'],
  flows: ['manage-dataset-destinations'],
} as const satisfies Readonly<Record<EntityKind, readonly Permission[]>>

export async function requireChange(
  { access }: EntityCheckOptions,
  { principal, sandbox }: Caller,
  kind: EntityKind,
): Promise<void> {
  await requireOne(access, permissionsToChange[kind], { principal, sandboxId: sandbox.id })
}

/** What the document's form alone can't say: whom it names, what the caller may see, where it writes. */
export async function checkDocument<K extends EntityKind>(
  options: EntityCheckOptions,
  caller: Caller,
  kind: K,
  document: EntityDocuments[K],
): Promise<void> {
  if (kind === 'connections') {
    const { encryptionSpecs } = document as EntityDocuments['connections']
    if (encryptionSpecs) await encryptionOf(encryptionSpecs)
  }
  if (kind === 'sourceConnections') {
    const { datasets } = (document as EntityDocuments['sourceConnections']).params
    for (const [index, dataset] of datasets.entries()) {
      const field = `/params/datasets/${index}/dataSetId`
      dataset.name ??= (await checkDataset(options, caller, dataset.dataSetId, field)).name
    }
  }
  if (kind === 'targetConnections') {
    await checkTarget(options, caller, document as EntityDocuments['targetConnections'])
  }
  if (kind === 'flows') {
    const { scheduleParams, sourceConnectionIds } = document as FlowDocument
    await require(options.access, caller, 'view-destinations')
    scheduleRuleOf(scheduleParams)
    await checkFollowed(options, caller, scheduleParams)
    await checkFlowSource(options, caller, sourceConnectionIds[0] ?? '')
    await checkFlowTarget(options, caller, document as FlowDocument)
  }
}

/** The scheduled query that an export follows is there. */
async function checkFollowed(
  { metadata }: EntityCheckOptions,
  caller: Caller,
  { timeUnit, queryScheduleId: id }: FlowDocument['scheduleParams'],
): Promise<void> {
  if (timeUnit !== 'query' || id === undefined) return
  if (await selectScheduledQuery(metadata.db, caller.sandbox.id, id)) return
  const field = '/scheduleParams/queryScheduleId'
  throw new AppError('flow.invalid', `${field}: there is no scheduled query ${id} in this sandbox.`, {
    detail: { field },
  })
}

/** The place is one that the connection's kind can have. */
async function checkTarget(
  { metadata, secrets, home, landing }: EntityCheckOptions,
  caller: Caller,
  { connectionSpec, baseConnectionId, params }: EntityDocuments['targetConnections'],
): Promise<void> {
  const kind = destinationKindOf(connectionSpec.id)
  if (kind === 'local') params.path = (await checkTargetFolder(params.path, home)).folder
  if (kind === 'landing') landing.target(caller.sandbox.id, params.path)
  fileFormatOf(params)
  if (kind) checkPlaceForm(kind, params)
  const row = await selectEntity(metadata.db, caller.sandbox.id, 'connections', baseConnectionId)
  if (!row || !kind) return // Said when the references are locked.
  requireKind(kind, row, '/connectionSpec/id')
  if (kind !== 'local' && kind !== 'landing') destinationStore(kind, await openAuth(secrets, row), params)
}

/** What a flow is for and what it delivers to are of one kind. */
async function checkFlowTarget(
  options: EntityCheckOptions,
  caller: Caller,
  { flowSpec, sourceConnectionIds, targetConnectionIds }: FlowDocument,
): Promise<void> {
  const { metadata } = options
  const id = targetConnectionIds[0] ?? ''
  const row = await selectEntity(metadata.db, caller.sandbox.id, 'targetConnections', id)
  if (!row) return // Said when the references are locked.
  requireKind(destinationKindOf(flowSpec.id), row, '/flowSpec/id')
  const target = await targetOf(options, caller, row)
  if (!target) return
  const datasetIds = await datasetIdsOf(options, caller, sourceConnectionIds)
  await checkDestinations(options, caller, { datasetIds, target })
  const { params } = readDocument('targetConnections', row.document)
  if (params.recordTimeFolders === undefined) return
  for (const datasetId of datasetIds) {
    const { tableId } = await options.datasets.get(caller, parseId('dataset', datasetId))
    foldersOf(params, await options.lake.table(tableId))
  }
}

/** A target connection that changes takes the flows that deliver to it along. */
export async function checkFlowsOf(
  options: EntityCheckOptions,
  caller: Caller,
  /** As it will be. */
  row: EntityRow,
): Promise<void> {
  const datasetIds = await datasetIdsTo(options, caller, row.id)
  if (datasetIds.length === 0) return
  const target = await targetOf(options, caller, row)
  if (target) await checkDestinations(options, caller, { datasetIds, target })
}

/** As `checkFlowsOf`, of an account that names another server, or another place of it, than before. */
export async function checkFlowsThrough(
  options: EntityCheckOptions,
  caller: Caller,
  account: EntityRow,
  { before, after }: { readonly before: DestinationAuth; readonly after: DestinationAuth },
): Promise<void> {
  const targets = await selectEntities(options.metadata.db, caller.sandbox.id, 'targetConnections')
  for (const row of targets.filter(({ document }) => document['baseConnectionId'] === account.id)) {
    const { params, connectionSpec } = readDocument('targetConnections', row.document)
    const kind = destinationKindOf(connectionSpec.id)
    if (!kind) continue
    const [old, target] = [before, after].map((auth) => destinationStore(kind, auth, params).config)
    if (!old || !target || (locationOf(old) === locationOf(target) && endpointOf(old) === endpointOf(target)))
      continue
    const datasetIds = await datasetIdsTo(options, caller, row.id)
    await checkDestinations(options, caller, { datasetIds, target })
  }
}

/** Of all flows that deliver to a target connection. */
async function datasetIdsTo(
  options: EntityCheckOptions,
  caller: Caller,
  targetId: string,
): Promise<readonly string[]> {
  const datasetIds: string[] = []
  for (const { document } of await selectEntities(options.metadata.db, caller.sandbox.id, 'flows')) {
    const { sourceConnectionIds, targetConnectionIds } = readDocument('flows', document)
    if (targetConnectionIds.includes(targetId))
      datasetIds.push(...(await datasetIdsOf(options, caller, sourceConnectionIds)))
  }
  return datasetIds
}

async function datasetIdsOf(
  { metadata }: EntityCheckOptions,
  caller: Caller,
  [sourceId = '']: readonly string[],
): Promise<readonly string[]> {
  const source = await selectEntity(metadata.db, caller.sandbox.id, 'sourceConnections', sourceId)
  if (!source) return []
  return readDocument('sourceConnections', source.document).params.datasets.map(({ dataSetId }) => dataSetId)
}

/** Where datasets may go. */
async function checkDestinations(
  options: EntityCheckOptions,
  caller: Caller,
  { datasetIds, target }: { readonly datasetIds: readonly string[]; readonly target: Target },
): Promise<void> {
  for (const datasetId of datasetIds) await checkDestination(options, caller, { datasetId, target })
}

/** The store that a target connection means; undefined while that cannot be said. */
async function targetOf(
  options: EntityCheckOptions,
  { sandbox }: Caller,
  row: EntityRow,
): Promise<Target | undefined> {
  const { params, connectionSpec, baseConnectionId } = readDocument('targetConnections', row.document)
  const kind = destinationKindOf(connectionSpec.id)
  const connection = await selectEntity(options.metadata.db, sandbox.id, 'connections', baseConnectionId)
  if (!kind || !connection) return undefined
  return await targetStore(options, sandbox.id, { kind, target: params, connectionId: baseConnectionId })
}

function requireKind(kind: string | undefined, row: EntityRow, field: string): void {
  const spec = row.document['connectionSpec'] as { readonly id: string }
  if (destinationKindOf(spec.id) === kind) return
  throw new AppError(
    'flow.invalid',
    `${field}: the ${nouns[row.kind]} ${row.id} is of another kind of destination.`,
    {
      detail: { field },
    },
  )
}

/** Who may change an export must see what it delivers. */
async function checkFlowSource(options: EntityCheckOptions, caller: Caller, sourceId: string): Promise<void> {
  const row = await selectEntity(options.metadata.db, caller.sandbox.id, 'sourceConnections', sourceId)
  if (!row) return // Said when the references are locked.
  const { state: _state, ...rest } = row.document
  const { isStrict } = await selectExportSettings(options.metadata.db, caller.principal.organizationId)
  for (const { dataSetId } of readDocument('sourceConnections', rest).params.datasets) {
    const field = '/sourceConnectionIds/0'
    const dataset = await checkDataset(options, caller, dataSetId, field)
    if (isStrict) requireProfile(dataset, field)
  }
}

/** The reference platform exports records only of what is enabled for profiles. */
function requireProfile({ name, behavior, tags }: Dataset, field: string): void {
  if (behavior !== 'record' || isForProfiles(tags)) return
  throw new AppError(
    'flow.invalid',
    `${field}: the dataset ${JSON.stringify(name)} of records is not enabled for profiles.`,
    {
      hint: strictHint,
      detail: { field },
    },
  )
}

async function checkDataset(
  { datasets, metadata }: EntityCheckOptions,
  caller: Caller,
  dataSetId: string,
  field: string,
): Promise<Dataset> {
  if (!isId('dataset', dataSetId))
    throw new AppError(
      'flow.invalid',
      `${field}: ${JSON.stringify(dataSetId.slice(0, 80))} is no dataset's id.`,
      {
        detail: { field },
      },
    )
  try {
    const dataset = await datasets.get(caller, parseId('dataset', dataSetId))
    await requireEntitled(metadata, caller, dataset)
    return dataset
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'dataset.unknown') throw error
    throw new AppError('flow.invalid', `${field}: there is no dataset ${dataSetId} in this sandbox.`, {
      cause: error,
      detail: { field },
    })
  }
}
