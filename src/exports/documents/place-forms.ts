import type { DestinationKind } from '../destination-specs.ts'

export type Forms = Readonly<Record<string, RegExp>>

const bucket =
  /^(?=.{3,63}$)(?!(\d+\.)+\d+$)(([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])$/
const googleBucket =
  /^(?=.{3,222}$)(?!(\d+\.)+\d+$)(?!goog)(?!.*g[o0][o0]gle)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$/
const container = /^[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]$/
const path = /^[0-9a-zA-Z/!\-_.*'()]*$/

/** What a place of each kind must look like. Macros of folders are of the flow, not of its place. */
export const placeForms: Readonly<Record<DestinationKind, Forms>> = {
  local: {},
  landing: {},
  s3: { bucketName: bucket, path },
  azure: { container, path },
  adls: { container },
  gcs: { bucketName: googleBucket, path },
  sftp: { remotePath: /./ },
}
