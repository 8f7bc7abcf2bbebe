import type { XpathContext } from './xpath-evaluate.ts'
import { asBoolean, asNumber, asText, textOfNode, type XpathValue } from './xpath-values.ts'

type Call = (values: readonly XpathValue[], context: XpathContext) => XpathValue

/** XPath's functions; `id` and `lang` are not there. Without a value they take the context's node. */
const calls: Readonly<Record<string, readonly [least: number, most: number, call: Call]>> = {
  last: [0, 0, (_values, { size }) => size],
  position: [0, 0, (_values, { position }) => position],
  count: [1, 1, ([nodes]) => nodesOf(nodes, 'count').length],
  sum: [1, 1, ([nodes]) => nodesOf(nodes, 'sum').reduce((sum, node) => sum + asNumber(textOfNode(node)), 0)],
  name: [0, 1, ([nodes], { node }) => (nodes === undefined ? node : nodesOf(nodes, 'name')[0])?.name ?? ''],
  'local-name': [
    0,
    1,
    ([nodes], { node }) =>
      ((nodes === undefined ? node : nodesOf(nodes, 'local-name')[0])?.name ?? '').replace(/^.*:/, ''),
  ],
  string: [0, 1, ([value], { node }) => asText(value ?? [node])],
  concat: [2, Infinity, (values) => values.map(asText).join('')],
  'starts-with': [2, 2, ([text = '', part = '']) => asText(text).startsWith(asText(part))],
  contains: [2, 2, ([text = '', part = '']) => asText(text).includes(asText(part))],
  'substring-before': [2, 2, ([text = '', part = '']) => before(asText(text), asText(part))],
  'substring-after': [2, 2, ([text = '', part = '']) => after(asText(text), asText(part))],
  substring: [2, 3, substring],
  'string-length': [0, 1, ([value], { node }) => Array.from(asText(value ?? [node])).length],
  'normalize-space': [
    0,
    1,
    ([value], { node }) =>
      asText(value ?? [node])
        .trim()
        .replaceAll(/\s+/g, ' '),
  ],
  translate: [3, 3, translated],
  boolean: [1, 1, ([value = '']) => asBoolean(value)],
  not: [1, 1, ([value = '']) => !asBoolean(value)],
  true: [0, 0, () => true],
  false: [0, 0, () => false],
  number: [0, 1, ([value], { node }) => asNumber(value ?? [node])],
  floor: [1, 1, ([value = '']) => Math.floor(asNumber(value))],
  ceiling: [1, 1, ([value = '']) => Math.ceil(asNumber(value))],
  round: [1, 1, ([value = '']) => Math.round(asNumber(value))],
}

export function xpathCall(name: string, values: readonly XpathValue[], context: XpathContext): XpathValue {
  const known = calls[name]
  if (!known) throw new Error(`XPath has no function ${name}.`)
  const [least, most, call] = known
  if (values.length < least || values.length > most) {
    throw new Error(`XPath's ${name} does not take ${values.length} values.`)
  }
  return call(values, context)
}

function nodesOf(value: XpathValue | undefined, name: string): Extract<XpathValue, readonly unknown[]> {
  if (typeof value === 'object') return value
  throw new Error(`XPath's ${name} takes nodes.`)
}

function before(text: string, part: string): string {
  return text.slice(0, Math.max(text.indexOf(part), 0))
}

function after(text: string, part: string): string {
  const place = text.indexOf(part)
  return place < 0 ? '' : text.slice(place + part.length)
}

/** Counts from 1 and rounds. */
function substring([text = '', start = '', length]: readonly XpathValue[]): string {
  const first = Math.round(asNumber(start))
  const end = length === undefined ? Infinity : first + Math.round(asNumber(length))
  return Array.from(asText(text))
    .filter((_sign, index) => index + 1 >= first && index + 1 < end)
    .join('')
}

function translated([text = '', from = '', to = '']: readonly XpathValue[]): string {
  const [olds, news] = [Array.from(asText(from)), Array.from(asText(to))]
  return Array.from(asText(text))
    .map((sign) => {
      const place = olds.indexOf(sign)
      return place < 0 ? sign : (news[place] ?? '')
    })
    .join('')
}
