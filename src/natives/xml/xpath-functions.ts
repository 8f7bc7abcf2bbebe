import { native, remembering, type NativeFunction } from '../native.ts'
import { parseXml } from './parse-xml.ts'
import { evaluateXpath } from './xpath-evaluate.ts'
import { parseXpath } from './xpath-parse.ts'
import { asBoolean, asNumber, asText, type XpathValue } from './xpath-values.ts'

const expressionOf = remembering(parseXpath)

/** What a path of XPath 1.0 finds in a text of XML. An empty text is NULL, as in Spark. */
export const xpathFunctions: readonly NativeFunction[] = [
  native('native_xpath_boolean', ['text', 'text'], 'boolean', asked(asBoolean)),
  native('native_xpath_string', ['text', 'text'], 'text', asked(asText)),
  native('native_xpath_double', ['text', 'text'], 'double', asked(asNumber)),
  /** The values of the nodes found; elements have none. */
  native(
    'native_xpath',
    ['text', 'text'],
    'texts',
    asked((value) => {
      if (typeof value !== 'object')
        throw new Error('The XPath gives no nodes: xpath_string, xpath_double and others take it.')
      return value.map((node) => (node.kind === 'element' || node.kind === 'root' ? null : node.value))
    }),
  ),
]

function asked<Result>(as: (value: XpathValue) => Result): (xml: string, path: string) => Result | null {
  return (xml, path) => {
    if (xml === '' || path === '') return null
    const node = parseXml(xml)
    return as(evaluateXpath(expressionOf(path), { node, position: 1, size: 1 }))
  }
}
