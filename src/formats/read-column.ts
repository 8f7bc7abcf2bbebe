import { open } from 'node:fs/promises'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { asyncBufferFromFile, parquetRead } from 'hyparquet'

/**
 * All values of one top-level column of a local Parquet file, decoded by the second reader. For tools that compare
 * what lies at a destination with what was meant to: the column is held in memory.
 */
export async function readParquetColumn(path: string, column: string): Promise<unknown[]> {
  const values: unknown[] = []
  await using _exists = await open(path, 'r') // A missing file is told as such.
  await parquetRead({
    file: await asyncBufferFromFile(path),
    columns: [column],
    compressors: {
      GZIP: (input) => new Uint8Array(gunzipSync(input)),
      ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)),
    },
    onChunk: ({ columnData }) => {
      for (const value of columnData) values.push(value)
    },
  })
  return values
}
