/** The client's side of PostgreSQL's protocol, as far as asking needs it. */

export interface WireMessage {
  readonly type: string
  /** Type byte and length with it. */
  readonly bytes: Buffer
}

const headBytes = 5

/** Takes whole messages off the front of what came. */
export function splitMessages(bytes: Buffer): {
  readonly messages: readonly WireMessage[]
  readonly rest: Buffer
} {
  const messages: WireMessage[] = []
  let at = 0
  while (bytes.length - at >= headBytes) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) break
    messages.push({ type: String.fromCharCode(bytes[at] ?? 0), bytes: bytes.subarray(at, end) })
    at = end
  }
  return { messages, rest: bytes.subarray(at) }
}

/** How many bytes make the message that begins there whole; 0 when that cannot be known yet. */
export function lengthOfNext(bytes: Buffer): number {
  return bytes.length < headBytes ? 0 : 1 + bytes.readInt32BE(1)
}

const int16 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}
const cText = (text: string): Buffer => Buffer.from(`${text.replaceAll('\0', '')}\0`)

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const payload = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(payload.length + 4), payload])
}

export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const payload = Buffer.concat([
    int32(3 << 16),
    ...Object.entries(parameters).flatMap(([name, value]) => [cText(name), cText(value)]),
    Buffer.from([0]),
  ])
  return Buffer.concat([int32(payload.length + 4), payload])
}

export const parse = (sql: string, oids: readonly number[]): Buffer =>
  message('P', cText(''), cText(sql), int16(oids.length), ...oids.map(int32))

export function bind(given: {
  readonly formats: readonly number[]
  readonly values: readonly (Buffer | null)[]
  readonly resultFormats: readonly number[]
}): Buffer {
  const { formats, values, resultFormats } = given
  return message(
    'B',
    cText(''),
    cText(''),
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(value.length), value])),
    int16(resultFormats.length),
    ...resultFormats.map(int16),
  )
}

export const describeStatement = message('D', Buffer.from('S'), cText(''))
export const execute = message('E', cText(''), int32(0))
export const sync = message('S')
export const terminate = message('X')
export const cancelRequest = (key: Buffer): Buffer => Buffer.concat([int32(16), int32(80877102), key])

export interface ReadColumn {
  readonly name: string
  readonly tableOid: number
  readonly columnNumber: number
  readonly oid: number
  readonly byteCount: number
  readonly modifier: number
}

export function readColumns({ bytes }: WireMessage): ReadColumn[] {
  const columns: ReadColumn[] = []
  let at = headBytes + 2
  for (let count = bytes.readInt16BE(headBytes); count > 0; count--) {
    const end = bytes.indexOf(0, at)
    columns.push({
      name: bytes.toString('utf8', at, end),
      tableOid: bytes.readUInt32BE(end + 1),
      columnNumber: bytes.readInt16BE(end + 5),
      oid: bytes.readUInt32BE(end + 7),
      byteCount: bytes.readInt16BE(end + 11),
      modifier: bytes.readInt32BE(end + 13),
    })
    at = end + 19
  }
  return columns
}

export function readParameterOids({ bytes }: WireMessage): number[] {
  const count = bytes.readInt16BE(headBytes)
  return Array.from({ length: count }, (_, index) => bytes.readUInt32BE(headBytes + 2 + index * 4))
}

/** The fields of an error or notice by their letters. */
export function readFields({ bytes }: WireMessage): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (let at = headBytes; at < bytes.length && bytes[at] !== 0;) {
    const end = bytes.indexOf(0, at + 1)
    fields.set(String.fromCharCode(bytes[at] ?? 0), bytes.toString('utf8', at + 1, end))
    at = end + 1
  }
  return fields
}

/** The texts of a row whose columns all came as text. */
export function readTexts(row: Buffer): (string | null)[] {
  const texts: (string | null)[] = []
  let at = headBytes + 2
  for (let count = row.readInt16BE(headBytes); count > 0; count--) {
    const byteCount = row.readInt32BE(at)
    at += 4
    texts.push(byteCount === -1 ? null : row.toString('utf8', at, at + byteCount))
    at += Math.max(0, byteCount)
  }
  return texts
}
