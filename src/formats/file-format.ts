import { z } from 'zod'

/** What delivered files are. Parquet compresses its columns, JSON lines and CSV the whole file. */
export const fileFormat = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('parquet'), compression: z.enum(['zstd', 'gzip', 'snappy', 'none']) }),
  z.strictObject({ kind: z.literal('json'), compression: z.enum(['zstd', 'gzip', 'none']) }),
  z.strictObject({ kind: z.literal('csv'), compression: z.enum(['zstd', 'gzip', 'none']) }),
])

export type FileFormat = z.infer<typeof fileFormat>

/** With its dot. */
export function fileExtension({ kind, compression }: FileFormat): string {
  if (kind === 'parquet')
    return {
      zstd: '.zstd.parquet',
      gzip: '.gz.parquet',
      snappy: '.snappy.parquet',
      none: '.parquet',
    }[compression]
  return `.${kind}${{ zstd: '.zst', gzip: '.gz', none: '' }[compression]}`
}
