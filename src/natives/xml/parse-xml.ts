/** A document as XPath sees it. Comments and processing instructions are left out. */
export interface XmlNode {
  readonly kind: 'root' | 'element' | 'attribute' | 'text'
  /** Of elements and attributes, with prefix. */
  readonly name: string
  /** Of attributes and texts. */
  readonly value: string
  readonly parent: XmlNode | undefined
  readonly children: XmlNode[]
  readonly attributes: XmlNode[]
  /** Place in the document. */
  readonly order: number
}

const depthMax = 1000
const token =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<!DOCTYPE[^>[]*>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?=]+)((?:\s+[^\s<>/=]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy
const attribute = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * Reads a document. It resolves no entities but the five of XML and those of numbers, so that a value reaches nothing
 * outside of it.
 * @throws Error where it is not well-formed
 */
export function parseXml(text: string): XmlNode {
  let order = 0
  const make = (kind: XmlNode['kind'], parent: XmlNode | undefined, name: string, value = ''): XmlNode => {
    order += 1
    return { kind, name, value, parent, children: [], attributes: [], order }
  }
  const root = make('root', undefined, '')
  const open = [root]
  token.lastIndex = 0
  for (let place = 0; place < text.length; place = token.lastIndex) {
    const match = token.exec(text)
    if (!match) throw wrong(text, place)
    const [, data, end, name, attributes = '', isEmpty, plain] = match
    const parent = open.at(-1) ?? root
    if (name !== undefined) {
      if (parent === root && root.children.some(({ kind }) => kind === 'element')) throw wrong(text, place)
      const element = make('element', parent, name)
      parent.children.push(element)
      for (const [, key = '', double, single] of attributes.matchAll(attribute)) {
        if (element.attributes.some((other) => other.name === key)) throw wrong(text, place)
        element.attributes.push(make('attribute', element, key, resolved(double ?? single ?? '')))
      }
      if (isEmpty === '') open.push(element)
      if (open.length > depthMax) throw new Error(`The XML is deeper than ${depthMax} elements.`)
    } else if (end !== undefined) {
      if (parent === root || parent.name !== end) throw wrong(text, place)
      open.pop()
    } else if (data !== undefined || plain !== undefined) {
      const value = data ?? resolved(plain ?? '')
      if (parent !== root) addText(parent, value)
      else if (value.trim() !== '') throw wrong(text, place)
    }
  }
  if (open.length > 1 || root.children.length === 0) throw wrong(text, text.length)
  return root

  function addText(parent: XmlNode, value: string): void {
    const last = parent.children.at(-1)
    if (last?.kind === 'text')
      parent.children[parent.children.length - 1] = { ...last, value: last.value + value }
    else parent.children.push(make('text', parent, '', value))
  }
}

function resolved(text: string): string {
  return text.replaceAll(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|([^;\s&]*));?/g,
    (all, decimal?: string, hex?: string, name?: string) => {
      const known =
        name === undefined
          ? String.fromCodePoint(parseInt(decimal ?? hex ?? '', decimal === undefined ? 16 : 10))
          : entities[name]
      if (known === undefined || !all.endsWith(';'))
        throw new Error(`The XML has an entity that is not known: ${all}`)
      return known
    },
  )
}

function wrong(text: string, place: number): Error {
  return new Error(
    `The XML is not well-formed at character ${place + 1}: ${JSON.stringify(text.slice(place, place + 20))}`,
  )
}
