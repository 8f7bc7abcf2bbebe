import { z } from 'zod'

/** What delivered files are. Parquet compresses its columns, JSON lines the whole file. */
export const fileFormat = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('parquet'), compression: z.enum(['zstd', 'gzip', 'none']) }),
  z.strictObject({ kind: z.literal('json'), compression: z.enum(['zstd', 'gzip', 'none']) }),
])

export type FileFormat = z.infer<typeof fileFormat>

/** With its dot. */
export function fileExtension({ kind, compression }: FileFormat): string {
  return kind === 'parquet'
    ? { zstd: '.zstd.parquet', gzip: '.gz.parquet', none: '.parquet' }[compression]
    : { zstd: '.json.zst', gzip: '.json.gz', none: '.json' }[compression]
}
