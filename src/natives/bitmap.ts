import { native, type NativeFunction } from './native.ts'

const byteCount = 4096

/** 4096 bytes in which the bits at these places are set; the lowest bit of a byte is the first. */
export const bitmapFunctions: readonly NativeFunction[] = [
  native('native_bitmap', ['doubles'], 'bytes', (places) => {
    const bytes = new Uint8Array(byteCount)
    for (const place of places) {
      if (place < 0 || place >= byteCount * 8) throw new Error(`A bitmap has no place ${place}.`)
      bytes[place >> 3] = (bytes[place >> 3] ?? 0) | (1 << (place & 7))
    }
    return bytes
  }),
]
