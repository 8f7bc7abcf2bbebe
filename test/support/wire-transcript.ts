import { errorFields, type ServerMessage } from './wire-client.ts'

/**
 * An answer as lines that can be compared between servers: what a client acts on, and nothing of how a server words it.
 * Of errors the severity, SQLSTATE and place; of columns all but which table they are of; of rows every byte.
 */
export function transcript(messages: readonly ServerMessage[]): string[] {
  return messages.map((message) => `${message.type} ${detail(message)}`.trimEnd())
}

function detail(message: ServerMessage): string {
  const { type, payload } = message
  switch (type) {
    case 'C':
    case 'S':
      return payload.toString('utf8').replaceAll('\0', ' ').trimEnd()
    case 'Z':
      return payload.toString('latin1')
    case 'E':
    case 'N': {
      const { V = '', C = '', P } = errorFields(message)
      return [V, C, ...(P === undefined ? [] : [`at ${P}`])].join(' ')
    }
    case 'T':
      return columns(payload)
    case 't':
      return numbers(payload, 2, 4, payload.readInt16BE(0))
    case 'D':
      return row(payload)
    case 'H':
    case 'd':
      return printable(payload)
    default:
      return ''
  }
}

function columns(payload: Buffer): string {
  const texts: string[] = []
  let offset = 2
  for (let column = 0; column < payload.readInt16BE(0); column++) {
    const end = payload.indexOf(0, offset)
    const name = payload.toString('utf8', offset, end)
    // Behind the name: table (4), its column (2), type (4), size (2), modifier (4), format (2).
    const at = end + 7
    const [oid, size] = [payload.readInt32BE(at), payload.readInt16BE(at + 4)]
    const [modifier, format] = [payload.readInt32BE(at + 6), payload.readInt16BE(at + 10)]
    texts.push(`${name}:${oid}/${size}/${modifier}/${format}`)
    offset = at + 12
  }
  return texts.join(' ')
}

function numbers(payload: Buffer, from: number, size: 4, count: number): string {
  return Array.from({ length: count }, (_, index) => payload.readInt32BE(from + index * size)).join(' ')
}

function row(payload: Buffer): string {
  const texts: string[] = []
  let offset = 2
  for (let column = 0; column < payload.readInt16BE(0); column++) {
    const length = payload.readInt32BE(offset)
    offset += 4
    texts.push(length < 0 ? 'NULL' : printable(payload.subarray(offset, offset + length)))
    offset += Math.max(0, length)
  }
  return texts.join(' | ')
}

/** Tab, line feed, carriage return. */
const blanks = [0x09, 0x0a, 0x0d]

/** Text where it is some, else hexadecimal digits. */
function printable(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  const isText = !text.includes('\ufffd') && !bytes.some((byte) => byte < 0x20 && !blanks.includes(byte))
  return isText ? JSON.stringify(text) : `x${bytes.toString('hex')}`
}
