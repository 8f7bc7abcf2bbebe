const mebibyte = 1024 * 1024

/** The most S3 and Google's XML interface take; Azure takes 50 000. */
export const partsMax = 10_000
/** The most S3 and Google Cloud Storage keep in one object. */
export const objectBytesMax = 5 * 1024 ** 4

/** How large parts are: the first ones, and from how many on larger ones, the largest first. */
export interface PartSizes {
  readonly partBytes: number
  readonly laterParts: readonly { readonly after: number; readonly bytes: number }[]
}

/** Small for the many small objects, large enough at last that 10 000 parts hold the largest there can be. */
export const laterParts: PartSizes['laterParts'] = [
  { after: 2_000, bytes: 650 * mebibyte },
  { after: 1_000, bytes: 64 * mebibyte },
]

/** The size of part `number` (from 1) of an object whose size nobody knows before its end. */
export function partBytesOf(number: number, { partBytes, laterParts }: PartSizes): number {
  const step = laterParts.find(({ after }) => number > after)
  return Math.max(partBytes, step?.bytes ?? 0)
}
