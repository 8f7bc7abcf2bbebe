const mebibyte = 1024 * 1024

/** The most S3 and Google's XML interface take; Azure takes 50 000. */
export const partsMax = 10_000
/** The most S3 and Google Cloud Storage keep in one object. */
export const objectBytesMax = 5 * 1024 ** 4

/** Parts after the first ones, whose size is the policy's: how many came before, and how large they are then. */
const steps = [
  { after: 2_000, bytes: 650 * mebibyte },
  { after: 1_000, bytes: 64 * mebibyte },
] as const

/**
 * The size of part `number` (from 1) of an object whose size nobody knows before its end: small for the many small ones,
 * large enough at last that 10 000 parts hold the largest object there can be.
 */
export function partBytesOf(number: number, firstBytes: number): number {
  const step = steps.find(({ after }) => number > after)
  return Math.max(firstBytes, step?.bytes ?? 0)
}
