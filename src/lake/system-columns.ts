import { longType, stringType, type StructType, structType } from '#types/data-type.ts'

/** Every table has them after the user's columns, filled by `append`. */
export const systemColumns: StructType = structType([
  {
    name: '_acp_system_metadata',
    type: structType([
      { name: 'ingestTime', type: longType },
      { name: 'sourceBatchId', type: stringType },
    ]),
  },
  { name: '_ACP_BATCHID', type: stringType },
])
