import { AppError } from '#base/errors.ts'
import type { Caller } from '#datasets/datasets.ts'
import { lockEntity, selectEntities } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { EntityKind } from '../entity-kind.ts'
import type { EntityDocuments, FlowDocument } from '../documents/entity-schemas.ts'

export const nouns: Readonly<Record<EntityKind, string>> = {
  connections: 'connection',
  sourceConnections: 'source connection',
  targetConnections: 'target connection',
  flows: 'flow',
}

/** Those a document names exist and go on existing until the transaction ends. */
export async function lockReferences<K extends EntityKind>(
  tx: Transaction,
  caller: Caller,
  kind: K,
  document: EntityDocuments[K],
): Promise<void> {
  const references: { readonly kind: EntityKind; readonly id: string; readonly field: string }[] = []
  if (kind === 'targetConnections') {
    const { baseConnectionId } = document as EntityDocuments['targetConnections']
    references.push({ kind: 'connections', id: baseConnectionId, field: '/baseConnectionId' })
  }
  if (kind === 'flows') {
    const { sourceConnectionIds, targetConnectionIds } = document as FlowDocument
    for (const [index, id] of sourceConnectionIds.entries())
      references.push({ kind: 'sourceConnections', id, field: `/sourceConnectionIds/${index}` })
    for (const [index, id] of targetConnectionIds.entries())
      references.push({ kind: 'targetConnections', id, field: `/targetConnectionIds/${index}` })
  }
  for (const { kind: referred, id, field } of references) {
    const row = await lockEntity(tx, caller.sandbox.id, referred, id)
    const baseId = kind === 'flows' && referred === 'targetConnections' && row?.document['baseConnectionId']
    const isWhole =
      typeof baseId !== 'string' || (await lockEntity(tx, caller.sandbox.id, 'connections', baseId))
    if (row && isWhole) continue
    if (row)
      throw new AppError(
        'flow.invalid',
        `${field}: the connection of the target connection ${id} was deleted.`,
        {
          detail: { field },
        },
      )
    throw new AppError('flow.invalid', `${field}: there is no ${nouns[referred]} ${id}.`, {
      detail: { field },
    })
  }
}

/** What flows use stays; target connections that no flow uses keep no account. */
export async function refuseUsed(
  tx: Transaction,
  caller: Caller,
  kind: EntityKind,
  id: string,
): Promise<void> {
  if (kind === 'flows') return
  const ids = new Set([id])
  if (kind === 'connections') {
    for (const target of await selectEntities(tx, caller.sandbox.id, 'targetConnections'))
      if (target.document['baseConnectionId'] === id) ids.add(target.id)
  }
  const user = (await selectEntities(tx, caller.sandbox.id, 'flows')).find(({ document }) =>
    [document['sourceConnectionIds'], document['targetConnectionIds']]
      .flatMap((list) => (Array.isArray(list) ? (list as string[]) : []))
      .some((used) => ids.has(used)),
  )
  if (!user) return
  throw new AppError(
    'flow.invalid',
    `The ${nouns[kind]} ${id} is used by ${user.kind} ${user.id}; delete that first.`,
    {
      detail: { flowCode: 'FLOW-1418-400' },
    },
  )
}
