import type { XmlNode } from './parse-xml.ts'

/** Nodes stand in the order of the document. */
export type XpathValue = number | string | boolean | readonly XmlNode[]

/** The text of a node: of an element that of all texts inside. */
export function textOfNode(node: XmlNode): string {
  if (node.kind === 'attribute' || node.kind === 'text') return node.value
  return node.children.map(textOfNode).join('')
}

export function asText(value: XpathValue): string {
  if (typeof value === 'object') return value[0] ? textOfNode(value[0]) : ''
  return String(value)
}

export function asNumber(value: XpathValue): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  const text = asText(value).trim()
  return /^-?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN
}

export function asBoolean(value: XpathValue): boolean {
  if (typeof value === 'object') return value.length > 0
  return typeof value === 'number' ? value !== 0 && !Number.isNaN(value) : Boolean(value)
}

/** Nodes equal what any of them equals. */
export function isCompared(operator: string, left: XpathValue, right: XpathValue): boolean {
  if (typeof left === 'boolean' || typeof right === 'boolean') {
    return isMet(operator, Number(asBoolean(left)), Number(asBoolean(right)))
  }
  if (typeof left === 'object') return left.some((node) => isCompared(operator, textOfNode(node), right))
  if (typeof right === 'object') return right.some((node) => isCompared(operator, left, textOfNode(node)))
  const areTexts =
    typeof left === 'string' && typeof right === 'string' && (operator === '=' || operator === '!=')
  return areTexts ? (left === right) === (operator === '=') : isMet(operator, asNumber(left), asNumber(right))
}

function isMet(operator: string, left: number, right: number): boolean {
  switch (operator) {
    case '=':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    default:
      return left >= right
  }
}
