import { createHash } from 'node:crypto'
import type { SandboxId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { dataLakeSpecId } from '../destination-specs.ts'

/** One for each sandbox, the same for ever. */
export function lakeConnectionId(sandboxId: SandboxId): string {
  const hex = createHash('sha256').update(`data lake of ${sandboxId}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** The connection that every source has, though nobody made it. */
export function lakeConnection({ principal, sandbox }: Caller): Record<string, unknown> {
  const etag = '"00000000-0000-0200-0000-000000000000"'
  return {
    id: lakeConnectionId(sandbox.id),
    name: 'Data lake',
    // As old as nobody knows: it is there wherever a sandbox is, and the server's.
    createdAt: 0,
    updatedAt: 0,
    createdBy: 'sluice@AdobeID',
    updatedBy: 'sluice@AdobeID',
    createdClient: 'sluice',
    updatedClient: 'sluice',
    state: 'enabled',
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    sandboxId: sandbox.id,
    sandboxName: sandbox.name,
    imsOrgId: principal.organizationId,
    version: etag,
    etag,
  }
}
