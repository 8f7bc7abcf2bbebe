import { native, type NativeFunction } from './native.ts'

const view = new DataView(new ArrayBuffer(8))

/** How Java holds numbers, for what Spark computes of their bits. -0.0 is 0.0, and there is one NaN. */
export const numberBitFunctions: readonly NativeFunction[] = [
  native('native_double_bits', ['double'], 'long', (value) => {
    view.setFloat64(0, value === 0 ? 0 : value)
    return Number.isNaN(value) ? 0x7ff8000000000000n : view.getBigInt64(0)
  }),
  native('native_float_bits', ['double'], 'integer', (value) => {
    view.setFloat32(0, value === 0 ? 0 : value)
    return Number.isNaN(value) ? 0x7fc00000 : view.getInt32(0)
  }),
  /** The fewest bytes that hold a whole number of any size, its sign included, the highest first. */
  native('native_integer_bytes', ['text'], 'bytes', (digits) => {
    const value = BigInt(digits)
    const magnitude = value < 0n ? -value - 1n : value
    const length = Math.floor(magnitude.toString(2).length / 8) + 1
    const hex = BigInt.asUintN(length * 8, value).toString(16)
    return Buffer.from(hex.padStart(length * 2, '0'), 'hex')
  }),
]
