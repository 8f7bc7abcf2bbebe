import { describe, expect, it } from 'vitest'
import { parseXml, type XmlNode } from './parse-xml.ts'
import { evaluateXpath } from './xpath-evaluate.ts'
import { parseXpath } from './xpath-parse.ts'

const shop = `<?xml version="1.0"?><!-- a shop -->
<shop open="yes"><item id="1" price="2.5">tea &amp; cup</item><item id="2" price="4"><![CDATA[<pot>]]></item>
<box><item id="3" price="1"/><note>  two   words </note></box><s:item xmlns:s="u">s</s:item></shop>`

/** Nodes by what they are and hold. */
function found(path: string, xml = shop): unknown {
  const node = parseXml(xml)
  const value = evaluateXpath(parseXpath(path), { node, position: 1, size: 1 })
  return typeof value === 'object' ? value.map(shown) : value
}

const shown = ({ kind, name, value, attributes }: XmlNode): string =>
  kind === 'element' ? `${name}#${attributes[0]?.value ?? ''}` : value

describe('XPath', () => {
  it.each<[path: string, wanted: unknown]>([
    ['shop/item/text()', ['tea & cup', '<pot>']],
    ['/shop/@open', ['yes']],
    ['//item/@id', ['1', '2', '3']],
    ['//item[@price > 2]/@id', ['1', '2']],
    ['//item[2]/@id', ['2']],
    ['(//item)[last()]/@id', ['3']],
    ['shop/*[position() < 3]', ['item#1', 'item#2']],
    ['shop/box/..', ['shop#yes']],
    ['//note/ancestor::*', ['shop#yes', 'box#']],
    ['//item[1]/following-sibling::item', ['item#2']],
    ['//note/preceding-sibling::item/@id', ['3']],
    ['//box/preceding::item[1]/@id', ['2']],
    ['//item[not(@price = "4")]/@id | //note', ['1', '3', 'note#']],
    ['shop/s:item', ['s:item#u']],
    ['self::node()/shop/item[self::item][1]', ['item#1']],
    ['.//box/descendant-or-self::*', ['box#', 'item#3', 'note#']],
    ['count(//item)', 3],
    ['sum(//@price)', 7.5],
    ['sum(//@price) div count(//item) - 1.5', 1],
    ['5 mod 3 * -2', -4],
    ['string(//item[2])', '<pot>'],
    ['normalize-space(//note)', 'two words'],
    ["concat(name(//box/*[1]), '-', local-name(//s:item))", 'item-item'],
    ["substring('12345', 1.5, 2.6)", '234'],
    ["substring-before('a=b', '=')", 'a'],
    ["substring-after('a=b', '=')", 'b'],
    ["translate('bar', 'abc', 'AB')", 'BAr'],
    ["contains('abc', 'b') and starts-with('abc', 'a')", true],
    ['//item = "<pot>"', true],
    ['//item != "<pot>"', true],
    ['//nothing = "x" or false()', false],
    ["string-length('äöü€')", 4],
    ['round(-2.5)', -2],
    ["number('x')", Number.NaN],
    ['/', ['']],
  ])('%s', (path, wanted) => {
    expect(found(path)).toEqual(wanted)
  })

  it.each(['shop/', 'shop[', 'shop[1', '//', 'a b', '@', 'count(', 'wrong::a', 'a::b', 'text(1)', ''])(
    'refuses %j',
    (path) => {
      expect(() => parseXpath(path)).toThrow(/is no XPath/)
    },
  )

  it('refuses functions it has not, and values they do not take', () => {
    expect(() => found('system("ls")')).toThrow(/no function system/)
    expect(() => found('count(1)')).toThrow(/takes nodes/)
    expect(() => found('not()')).toThrow(/does not take 0/)
    expect(() => parseXpath('('.repeat(1000))).toThrow(/nested deeper/)
  })
})

describe('XML', () => {
  it.each([
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a x=1/>',
    '<a x="1" x="2"/>',
    '<a>&nope;</a>',
    '<a>&amp</a>',
    '<a><b></a></b>',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
  ])('refuses %j', (text) => {
    expect(() => parseXml(text)).toThrow(/XML/)
  })

  it('refuses what is very deep', () => {
    expect(() => parseXml('<a>'.repeat(2000))).toThrow(/deeper/)
  })

  it('reads numbers as signs', () => {
    expect(found('a/text()', '<a>&#65;&#x20AC;&lt;</a>')).toEqual(['A€<'])
  })
})
