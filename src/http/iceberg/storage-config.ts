/** Where the lake's buckets are. */
export interface LakeServer {
  readonly region: string
  /** Absent: Amazon's. */
  readonly endpoint?: string | undefined
}

/**
 * What a client must know to reach the files, as properties of Iceberg's file access; files in a folder need nothing.
 * They are defaults: a client that reaches the store under another address says so and is right. Never credentials:
 * ours open the whole lake to writing, so each client has its own, for as much as it is to read and write.
 * @see https://iceberg.apache.org/docs/latest/aws/
 */
export function storageDefaults(server: LakeServer | undefined): Readonly<Record<string, string>> {
  if (!server) return {}
  const { region, endpoint } = server
  return {
    's3.region': region,
    'client.region': region,
    ...(endpoint === undefined ? {} : { 's3.endpoint': endpoint, 's3.path-style-access': 'true' }),
  }
}
