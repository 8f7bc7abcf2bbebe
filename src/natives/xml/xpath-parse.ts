/** An expression of XPath 1.0. */
export type XpathExpression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'call'; readonly name: string; readonly values: readonly XpathExpression[] }
  | {
      readonly kind: 'operation'
      readonly operator: string
      readonly left: XpathExpression
      readonly right: XpathExpression
    }
  | { readonly kind: 'negative'; readonly value: XpathExpression }
  /** Steps from the context node, from the document, or from the nodes of an expression. */
  | {
      readonly kind: 'path'
      readonly from: 'context' | 'document' | XpathExpression
      readonly steps: readonly XpathStep[]
    }

export interface XpathStep {
  readonly axis: string
  /** A name, `*`, `node()`, `text()` or `comment()`. */
  readonly test: string
  readonly predicates: readonly XpathExpression[]
}

const axes = [
  'ancestor',
  'ancestor-or-self',
  'attribute',
  'child',
  'descendant',
  'descendant-or-self',
  'following',
  'following-sibling',
  'parent',
  'preceding',
  'preceding-sibling',
  'self',
]
const levels = [['or'], ['and'], ['=', '!='], ['<=', '<', '>=', '>'], ['+', '-'], ['*', 'div', 'mod'], ['|']]
const token =
  /\s*(?:(\d+(?:\.\d*)?|\.\d+)|("[^"]*"|'[^']*')|(::|\/\/|\.\.|!=|<=|>=|[()[\].@,/|+\-=<>*])|([\p{L}_][\p{L}\p{N}_.-]*(?::(?!:)(?:\*|[\p{L}_][\p{L}\p{N}_.-]*))?))\s*/uy
const depthMax = 200
const everywhere: XpathStep = { axis: 'descendant-or-self', test: 'node()', predicates: [] }

/** @throws Error where it is no XPath */
export function parseXpath(text: string): XpathExpression {
  const tokens = tokensOf(text)
  let place = 0
  let depth = 0
  const whole = operation(0)
  if (place < tokens.length) throw wrong()
  return whole

  function operation(level: number): XpathExpression {
    const operators = levels[level]
    if (operators === undefined) return path()
    // A sign stands between products and unions.
    if (level === 6 && tokens[place] === '-') {
      place += 1
      return { kind: 'negative', value: operation(6) }
    }
    let left = operation(level + 1)
    for (
      let operator = tokens[place];
      operator !== undefined && operators.includes(operator);
      operator = tokens[place]
    ) {
      place += 1
      left = { kind: 'operation', operator, left, right: operation(level + 1) }
    }
    return left
  }

  function path(): XpathExpression {
    depth += 1
    if (depth > depthMax) throw new Error(`The XPath is nested deeper than ${depthMax}.`)
    const first = tokens[place]
    const primary = primaryExpression()
    const steps: XpathStep[] = []
    let from: 'context' | 'document' | XpathExpression = primary ?? 'context'
    if (primary !== undefined) {
      const predicates = predicatesHere()
      if (predicates.length > 0) steps.push({ axis: 'self', test: 'node()', predicates })
    } else if (first === '/' || first === '//') {
      from = 'document'
    } else {
      steps.push(step())
    }
    while (tokens[place] === '/' || tokens[place] === '//') {
      const isDeep = tokens[place] === '//'
      place += 1
      if (isDeep) steps.push(everywhere)
      // The document itself is a lone slash.
      else if (from === 'document' && steps.length === 0 && !isStep()) break
      steps.push(step())
    }
    depth -= 1
    return primary !== undefined && steps.length === 0 ? primary : { kind: 'path', from, steps }
  }

  function isStep(): boolean {
    const next = tokens[place]
    return next !== undefined && /^[@.*\p{L}_]/u.test(next)
  }

  function primaryExpression(): XpathExpression | undefined {
    const next = tokens[place] ?? ''
    if (/^(?:\d|\.\d)/.test(next)) {
      place += 1
      return { kind: 'number', value: Number(next) }
    }
    if (/^["']/.test(next)) {
      place += 1
      return { kind: 'text', value: next.slice(1, -1) }
    }
    if (next === '(') {
      place += 1
      const inner = operation(0)
      take(')')
      return inner
    }
    const isCall = /^[\p{L}_]/u.test(next) && tokens[place + 1] === '(' && !isNodeTest(next)
    return isCall ? call(next) : undefined
  }

  function call(name: string): XpathExpression {
    place += 2
    const values: XpathExpression[] = []
    while (tokens[place] !== ')') {
      if (values.length > 0) take(',')
      values.push(operation(0))
    }
    place += 1
    return { kind: 'call', name, values }
  }

  function step(): XpathStep {
    const next = tokens[place]
    if (next === '.' || next === '..') {
      place += 1
      return { axis: next === '.' ? 'self' : 'parent', test: 'node()', predicates: [] }
    }
    let axis = 'child'
    if (next === '@') {
      place += 1
      axis = 'attribute'
    } else if (tokens[place + 1] === '::') {
      axis = next ?? ''
      if (!axes.includes(axis)) throw wrong()
      place += 2
    }
    const name = tokens[place] ?? ''
    if (name !== '*' && !/^[\p{L}_]/u.test(name)) throw wrong()
    place += 1
    if (tokens[place] !== '(') return { axis, test: name, predicates: predicatesHere() }
    if (!isNodeTest(name)) throw wrong()
    place += 1
    take(')')
    return { axis, test: `${name}()`, predicates: predicatesHere() }
  }

  function predicatesHere(): XpathExpression[] {
    const predicates: XpathExpression[] = []
    while (tokens[place] === '[') {
      place += 1
      predicates.push(operation(0))
      take(']')
    }
    return predicates
  }

  function take(wanted: string): void {
    if (tokens[place] !== wanted) throw wrong()
    place += 1
  }

  function wrong(): Error {
    return new Error(
      `${JSON.stringify(text)} is no XPath: ${JSON.stringify(tokens[place] ?? 'its end')} is not expected.`,
    )
  }
}

const isNodeTest = (name: string): boolean => name === 'node' || name === 'text' || name === 'comment'

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  for (let place = 0; place < text.length; place = token.lastIndex) {
    const match = token.exec(text)
    if (!match) throw new Error(`${JSON.stringify(text)} is no XPath: see character ${place + 1}.`)
    tokens.push(match[0].trim())
  }
  return tokens
}
