import type { Access } from '#access/access.ts'
import type { Caller } from '#datasets/datasets.ts'

/** Puts on record that rows were handed out, or files of them. */
export async function recordDownload(
  access: Access,
  { principal, sandbox }: Caller,
  asset: {
    readonly assetType: 'Batch' | 'Destination' | 'Destination Run'
    readonly assetId: string
    readonly detail: Readonly<Record<string, unknown>>
  },
): Promise<void> {
  await access.audit({
    principalId: principal.id,
    sandboxId: sandbox.id,
    action: 'download',
    status: 'Allow',
    ...asset,
  })
}
