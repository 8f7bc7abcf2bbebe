import { native, type NativeFunction } from './native.ts'

/** Texts as bytes of a character set and back. Spark knows these sets and no other. */
export const charsetFunctions: readonly NativeFunction[] = [
  native('native_encode', ['text', 'text'], 'bytes', (text, charset) => encoderOf(charset)(text)),
  native('native_decode', ['bytes', 'text'], 'text', (bytes, charset) =>
    decoded(Buffer.from(bytes), charset),
  ),
]

interface Charset {
  readonly encode: (text: string) => Uint8Array
  readonly decode: (bytes: Buffer) => string
}

const charsets: Readonly<Record<string, Charset>> = {
  'UTF-8': { encode: (text) => Buffer.from(text), decode: (bytes) => bytes.toString('utf8') },
  'US-ASCII': {
    encode: (text) => narrow(text, 0x7f, 'US-ASCII'),
    decode: (bytes) => bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, '\uFFFD'),
  },
  'ISO-8859-1': {
    encode: (text) => narrow(text, 0xff, 'ISO-8859-1'),
    decode: (bytes) => bytes.toString('latin1'),
  },
  'UTF-16BE': { encode: bigEndian, decode: (bytes) => ofBigEndian(bytes) },
  'UTF-16LE': {
    encode: (text) => Buffer.from(text, 'utf16le'),
    decode: (bytes) => bytes.toString('utf16le'),
  },
  'UTF-16': {
    encode: (text) =>
      text === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian(text)]),
    decode(bytes) {
      if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le')
      return ofBigEndian(bytes[0] === 0xfe && bytes[1] === 0xff ? bytes.subarray(2) : bytes)
    },
  },
  'UTF-32': {
    encode: (text) => Buffer.from(Array.from(text, (sign) => wordBytes(sign.codePointAt(0) ?? 0)).flat()),
    decode: (bytes) =>
      Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) =>
        signOf(bytes.readUInt32BE(4 * index)),
      ).join(''),
  },
}

function charsetOf(name: string): Charset {
  const known = charsets[name.toUpperCase()]
  if (known) return known
  throw new Error(`There is no character set ${name}: there are ${Object.keys(charsets).join(', ')}.`)
}

const encoderOf = (name: string): Charset['encode'] => charsetOf(name).encode

/** @throws Error for bytes that are no text */
function decoded(bytes: Buffer, name: string): string {
  const text = charsetOf(name).decode(bytes)
  // What could not be read has become U+FFFD, unless that is what stood there.
  const unreadable = text.includes('\uFFFD') && !Buffer.from(text).equals(bytes)
  const isWide = /^utf-(?:16|32)/i.test(name)
  if (unreadable && !isWide) throw new Error(`The bytes are no text in ${name}.`)
  return text
}

function narrow(text: string, most: number, name: string): Uint8Array {
  for (const sign of text) {
    if ((sign.codePointAt(0) ?? 0) > most) throw new Error(`${name} has no ${JSON.stringify(sign)}.`)
  }
  return Buffer.from(text, 'latin1')
}

function bigEndian(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

function ofBigEndian(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le')
}

const wordBytes = (word: number): number[] => [
  word >>> 24,
  (word >>> 16) & 255,
  (word >>> 8) & 255,
  word & 255,
]
const signOf = (word: number): string => (word <= 0x10ffff ? String.fromCodePoint(word) : '\uFFFD')
