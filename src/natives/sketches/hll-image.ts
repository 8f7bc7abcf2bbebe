import { checkLgK, type HllSketch } from './hll-sketch.ts'

/** How many bits a register has in an image. Four bits hold the distance from the smallest; what is larger stands apart. */
export type RegisterBits = 4 | 8

const listSlots = 8
const [listInts, setInts, registerInts] = [2, 3, 10]
const flags = { empty: 4, compact: 8, outOfOrder: 16 } as const
const [listMode, setMode, registerMode] = [0, 1, 2]
const typeOfBits = { 4: 0, 6: 1, 8: 2 } as const

/**
 * The updatable image of a sketch, as DataSketches writes it.
 * @see https://github.com/apache/datasketches-java PreambleUtil, ToByteArrayImpl
 */
export function hllImage(sketch: HllSketch, bits: RegisterBits): Uint8Array {
  if (sketch.kind === 'registers') return registersImage(sketch, bits)
  const { lgK, coupons } = sketch
  const isList = coupons.length < listSlots
  const lgSlots = isList ? 3 : lgSetSlots(coupons.length)
  const image = new DataView(new ArrayBuffer(4 * ((isList ? listInts : setInts) + 2 ** lgSlots)))
  const flag = coupons.length === 0 ? flags.empty : 0
  const mode = (isList ? listMode : setMode) | (typeOfBits[bits] << 2)
  preamble(image, [isList ? listInts : setInts, 1, 7, lgK, lgSlots, flag, isList ? coupons.length : 0, mode])
  if (!isList) image.setInt32(8, coupons.length, true)
  const slots = isList ? coupons : hashed(coupons, lgSlots)
  for (const [index, coupon] of slots.entries())
    image.setInt32(4 * ((isList ? listInts : setInts) + index), coupon, true)
  return bytesOf(image)
}

/** @throws Error where it is no image of a sketch */
export function readHllImage(bytes: Uint8Array): HllSketch {
  const image = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [ints = 0, version, family, lgK = 0, , flag = 0, count = 0, mode = 0] = bytes
  if (bytes.length < 8 || version !== 1 || family !== 7) throw new Error('The value is no HLL sketch.')
  checkLgK(lgK)
  if ((mode & 3) === registerMode) return readRegisters(image, lgK, flag, (mode >> 2) & 3)
  const total = (mode & 3) === listMode ? count : image.getInt32(8, true)
  const coupons: number[] = []
  for (let place = 4 * ints; place + 4 <= bytes.length; place += 4) {
    const coupon = image.getInt32(place, true)
    if (coupon !== 0) coupons.push(coupon)
  }
  if (coupons.length !== total) throw new Error('The HLL sketch is cut off.')
  return { kind: 'coupons', lgK, coupons }
}

function preamble(image: DataView, bytes: readonly number[]): void {
  for (const [place, byte] of bytes.entries()) image.setUint8(place, byte)
}

const bytesOf = (image: DataView): Uint8Array => new Uint8Array(image.buffer)

function lgSetSlots(count: number): number {
  let lgSlots = 5
  while (4 * count > 3 * 2 ** lgSlots) lgSlots += 1
  return lgSlots
}

/** As the set has grown: each time it is full, its slots are read from first to last into one twice as large. */
function hashed(coupons: readonly number[], lgSlotsEnd: number): Int32Array {
  let lgSlots = 5
  let slots = new Int32Array(2 ** lgSlots)
  let count = 0
  for (const coupon of coupons) {
    put(slots, lgSlots, coupon, coupon & 0x3ffffff)
    count += 1
    if (4 * count > 3 * slots.length && lgSlots < lgSlotsEnd) {
      const old = slots
      lgSlots += 1
      slots = new Int32Array(2 ** lgSlots)
      for (const one of old) if (one !== 0) put(slots, lgSlots, one, one & 0x3ffffff)
    }
  }
  return slots
}

function put(slots: Int32Array, lgSlots: number, value: number, key: number): void {
  const mask = slots.length - 1
  const stride = (key >>> lgSlots) | 1
  let place = key & mask
  while (slots[place] !== 0) place = (place + stride) & mask
  slots[place] = value
}

type Filled = Extract<HllSketch, { kind: 'registers' }>

function registersImage({ lgK, registers, accumulated }: Filled, bits: RegisterBits): Uint8Array {
  const least = bits === 4 ? registers.reduce((low, value) => Math.min(low, value), 63) : 0
  const exceptions =
    bits === 4 ? apart(registers, least, lgK) : { lgSlots: 0, count: 0, slots: new Int32Array() }
  const dataBytes = (registers.length * bits) / 8
  const image = new DataView(new ArrayBuffer(4 * registerInts + dataBytes + exceptions.slots.byteLength))
  const flag = accumulated === undefined ? flags.outOfOrder : 0
  const mode = registerMode | (typeOfBits[bits] << 2)
  preamble(image, [registerInts, 1, 7, lgK, exceptions.count > 0 ? exceptions.lgSlots : 0, flag, least, mode])
  image.setFloat64(8, accumulated ?? 0, true)
  let [near, far, atLeast] = [0, 0, 0]
  for (const [place, value] of registers.entries()) {
    if (value < 32) near += 2 ** -value
    else far += 2 ** -value
    if (value === least) atLeast += 1
    const byte = 4 * registerInts + (bits === 8 ? place : place >> 1)
    const shown = bits === 8 ? value : Math.min(value - least, 15) << (place & 1 ? 4 : 0)
    image.setUint8(byte, image.getUint8(byte) | shown)
  }
  image.setFloat64(16, near, true)
  image.setFloat64(24, far, true)
  image.setInt32(32, atLeast, true)
  image.setInt32(36, exceptions.count, true)
  for (const [index, pair] of exceptions.slots.entries()) {
    image.setInt32(4 * registerInts + dataBytes + 4 * index, pair, true)
  }
  return bytesOf(image)
}

/** The size the table of exceptions begins with, by lgK. */
const lgExceptionSlots = [0, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13]

function apart(
  registers: Uint8Array,
  least: number,
  lgK: number,
): { lgSlots: number; count: number; slots: Int32Array } {
  const pairs = [...registers.entries()].flatMap(([place, value]) =>
    value - least >= 15 ? [[place, (value << 26) | place] as const] : [],
  )
  let lgSlots = lgExceptionSlots[lgK] ?? 2
  while (4 * pairs.length > 3 * 2 ** lgSlots) lgSlots += 1
  const slots = new Int32Array(2 ** lgSlots)
  for (const [place, pair] of pairs) put(slots, lgSlots, pair, place)
  return { lgSlots, count: pairs.length, slots }
}

function readRegisters(image: DataView, lgK: number, flag: number, type: number): Filled {
  const count = 2 ** lgK
  const start = 4 * registerInts
  const dataBytes = [count / 2, (count * 3) / 4 + 1, count][type] ?? count
  if (image.byteLength < start + dataBytes) throw new Error('The HLL sketch is cut off.')
  const registers = new Uint8Array(count)
  const least = image.getUint8(6)
  for (let place = 0; place < count; place += 1) {
    registers[place] = registerAt(image, start, place, type) + (type === 0 ? least : 0)
  }
  const apartFrom = type === 0 ? start + dataBytes : image.byteLength
  for (let at = apartFrom; at + 4 <= image.byteLength; at += 4) {
    const pair = image.getInt32(at, true)
    if (pair !== 0) registers[pair & (count - 1)] = pair >>> 26
  }
  const accumulated = flag & flags.outOfOrder ? undefined : image.getFloat64(8, true)
  return { kind: 'registers', lgK, registers, accumulated }
}

function registerAt(image: DataView, start: number, place: number, type: number): number {
  if (type === 2) return image.getUint8(start + place)
  if (type === 0) return (image.getUint8(start + (place >> 1)) >> (place & 1 ? 4 : 0)) & 15
  const bit = place * 6
  return (image.getUint16(start + (bit >> 3), true) >> (bit & 7)) & 63
}
