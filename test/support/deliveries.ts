import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import type { FlowId, RunId } from '../../src/base/ids.ts'
import { sha256Hex } from '../../src/exports/manifests/canonical-json.ts'
import { type ManifestBody, signManifest } from '../../src/exports/manifests/manifest.ts'
import { manifestName, partName } from '../../src/exports/manifests/names.ts'
import type { SigningKey } from '../../src/exports/manifests/signing-key.ts'
import type { MemoryStore } from './memory-store.ts'

export function newKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

const key = newKey()
const format = { kind: 'json', compression: 'none' } as const

/** Deliveries of one export and dataset. */
export interface Chain {
  readonly exportId: FlowId
  readonly datasetId: string
  head: { number: number; sha256: string; throughSequence: number } | undefined
}

export const newChain = (): Chain => ({
  exportId: randomUUID() as string as FlowId,
  datasetId: randomBytes(12).toString('hex'),
  head: undefined,
})

/** Delivers a run of so many files with so many rows each, as the server would. */
export function deliver(
  store: MemoryStore,
  chain: Chain,
  filesRows: readonly number[],
  change: Partial<ManifestBody> = {},
) {
  const runId = randomUUID() as string as RunId
  const folder = `${chain.datasetId}/exportTime=202603010200`
  const files = filesRows.map((rowCount, number) => {
    const name = partName({ folder, number, runId, attempt: 1, format })
    const bytes = Buffer.from(
      Array.from({ length: rowCount }, (_, row) => `${JSON.stringify({ row, of: name })}\n`).join(''),
    )
    store.objects.set(name, bytes)
    return { name, bytes: bytes.byteLength, sha256: sha256Hex(bytes), rowCount, statistics: {} }
  })
  const before = chain.head
  const number = (before?.number ?? 0) + 1
  const throughSequence = (before?.throughSequence ?? 0) + 1
  const sealed = signManifest(
    {
      format: 'sluice-manifest',
      version: 1,
      exportId: chain.exportId,
      exportName: 'feed',
      datasetId: chain.datasetId,
      datasetName: 'data_feed',
      runId,
      chain: { number, ...(before ? { previous: { sha256: before.sha256, isElsewhere: false } } : {}) },
      content: before ? 'increment' : 'full',
      source: {
        tableId: randomUUID(),
        snapshotId: '1',
        afterSequence: before?.throughSequence ?? 0,
        throughSequence,
        queryFingerprint: sha256Hex('q'),
      },
      schema: { fingerprint: sha256Hex('s'), columns: [{ name: 'row', type: 'bigint' }] },
      fileFormat: format,
      files,
      companions: [],
      rowCount: filesRows.reduce((sum, rows) => sum + rows, 0),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      scheduledAt: '2026-03-01T02:00:00Z',
      sealedAt: '2026-03-01T02:00:05Z',
      ...change,
    },
    key,
  )
  const name = manifestName({ folder, chainNumber: number, flowId: chain.exportId, runId })
  store.objects.set(name, Buffer.from(sealed.text))
  chain.head = { number, sha256: sealed.sha256, throughSequence }
  return name
}
