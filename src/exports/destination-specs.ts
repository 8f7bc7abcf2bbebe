/** Fixed ids of the specs a local folder is delivered by (ours; the platform has no such destination). */
export const localFolderSpecs = {
  connectionSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31',
  flowSpecId: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32',
} as const
/** Connections that name no spec are of it: its clients send none. */
export const landingZoneSpecId = '10440537-2a7b-4583-ac39-ed38d4b848e8'
export const dataLakeSpecId = '23598e46-f560-407b-88d5-ea6207e49db0'

/**
 * The kinds of destinations, with the public ids their connections and flows name them by. Those of a local folder are
 * ours.
 */
export const destinationSpecs = {
  local: { name: 'Local folder', ...localFolderSpecs },
  s3: {
    name: 'Amazon S3',
    connectionSpecId: '4fce964d-3f37-408f-9778-e597338a21ee',
    flowSpecId: '269ba276-16fc-47db-92b0-c1049a3c131f',
  },
  azure: {
    name: 'Azure Blob Storage',
    connectionSpecId: '6d6b59bf-fb58-4107-9064-4d246c0e5bb2',
    flowSpecId: '95bd8965-fc8a-4119-b9c3-944c2c2df6d2',
  },
  adls: {
    name: 'Azure Data Lake Gen2',
    connectionSpecId: 'be2c3209-53bc-47e7-ab25-145db8b873e1',
    flowSpecId: '17be2013-2549-41ce-96e7-a70363bec293',
  },
  gcs: {
    name: 'Google Cloud Storage',
    connectionSpecId: 'c5d93acb-ea8b-4b14-8f53-02138444ae99',
    flowSpecId: '585c15c4-6cbf-4126-8f87-e26bff78b657',
  },
  sftp: {
    name: 'SFTP',
    connectionSpecId: '36965a81-b1c6-401b-99f8-22508f1e6a26',
    flowSpecId: '354d6aad-4754-46e4-a576-1b384561c440',
  },
  /** Where `LandingPlace` says, and for who has its credentials. */
  landing: {
    name: 'Data Landing Zone',
    connectionSpecId: landingZoneSpecId,
    flowSpecId: 'cd2fc47e-e838-4f38-a581-8fff2f99b63a',
  },
} as const

/** Flow specs of audiences: known, so that they can be refused by what they are. */
export const audienceFlowSpecIds: readonly string[] = [
  '1a0514a6-33d4-4c7f-aff8-594799c47549',
  '752d422f-b16f-4f0d-b1c6-26e448e3b388',
  'db060570-a155-418a-a6d3-b4d97698e5dc',
  '7e635b9f-e59b-4546-8ba8-fce6496693c8',
  '976d663b-80b4-4193-be6b-2d0487516623',
  'fd36aaa4-bf2b-43fb-9387-43785eeeb799',
]

export type DestinationKind = keyof typeof destinationSpecs

const kinds = Object.keys(destinationSpecs) as DestinationKind[]

export const connectionSpecIds: readonly string[] = kinds.map(
  (kind) => destinationSpecs[kind].connectionSpecId,
)
export const flowSpecIds: readonly string[] = kinds.map((kind) => destinationSpecs[kind].flowSpecId)

/** By the id of a connection's or a flow's spec. */
export function destinationKindOf(specId: string): DestinationKind | undefined {
  return kinds.find((kind) => {
    const { connectionSpecId, flowSpecId } = destinationSpecs[kind]
    return connectionSpecId === specId || flowSpecId === specId
  })
}
