import { native, type NativeFunction } from '../native.ts'
import { hllEstimate } from './hll-estimate.ts'
import { hllImage, readHllImage } from './hll-image.ts'
import { couponOf, sketchOf, unionOf, type HllSketch } from './hll-sketch.ts'

const utf8 = new TextEncoder()
const eightBytes = new DataView(new ArrayBuffer(8))

/** HyperLogLog sketches of DataSketches: as base64 with registers of 4 bits, and as bytes with 8. */
export const sketchFunctions: readonly NativeFunction[] = [
  /** An empty text is no value. */
  native('native_hll_coupon', ['text'], 'integer', (value) =>
    value === '' ? null : couponOf(utf8.encode(value)),
  ),
  native('native_hll_coupon_bytes', ['bytes'], 'integer', (value) =>
    value.length === 0 ? null : couponOf(value),
  ),
  native('native_hll_coupon_long', ['long'], 'integer', (value) => {
    eightBytes.setBigInt64(0, value, true)
    return couponOf(new Uint8Array(eightBytes.buffer))
  }),
  native('native_hll_build', ['integers', 'integer'], 'bytes', (coupons, lgK) =>
    hllImage(sketchOf(lgK, present(coupons)), 8),
  ),
  native('native_hll_build_text', ['integers', 'integer'], 'text', (coupons, lgK) =>
    Buffer.from(hllImage(sketchOf(lgK, present(coupons)), 4)).toString('base64'),
  ),
  native('native_hll_union', ['blobs', 'boolean'], 'bytes', (images, mayDiffer) => {
    const union = merged(images.map(readHllImage), mayDiffer)
    return union && hllImage(union, 8)
  }),
  native('native_hll_union_text', ['texts', 'boolean'], 'text', (images, mayDiffer) => {
    const union = merged(
      images.map((image) => readHllImage(ofBase64(image ?? ''))),
      mayDiffer,
    )
    return union && Buffer.from(hllImage(union, 4)).toString('base64')
  }),
  native('native_hll_estimate', ['bytes'], 'double', (image) => hllEstimate(readHllImage(image))),
  native('native_hll_estimate_text', ['text'], 'double', (image) =>
    hllEstimate(readHllImage(ofBase64(image))),
  ),
]

const present = (coupons: readonly (number | null)[]): number[] => coupons.filter((coupon) => coupon !== null)

function ofBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64')
}

function merged(sketches: readonly HllSketch[], mayDiffer: boolean): HllSketch | null {
  const sizes = new Set(sketches.map(({ lgK }) => lgK))
  if (sketches.length === 0) return null
  if (sizes.size > 1 && !mayDiffer) {
    throw new Error(
      `Sketches of different sizes (lgConfigK ${[...sizes].toSorted((one, other) => one - other).join(' and ')}) are merged only where it is allowed: give true as last argument.`,
    )
  }
  return unionOf(sketches)
}
