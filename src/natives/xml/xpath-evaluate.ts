import type { XmlNode } from './parse-xml.ts'
import { xpathCall } from './xpath-calls.ts'
import type { XpathExpression, XpathStep } from './xpath-parse.ts'
import { asBoolean, asNumber, isCompared, type XpathValue } from './xpath-values.ts'

/** Where an expression stands: a node, and its place among the nodes of its step. */
export interface XpathContext {
  readonly node: XmlNode
  readonly position: number
  readonly size: number
}

/** @throws Error for a function there is not, or one given what it does not take */
export function evaluateXpath(expression: XpathExpression, context: XpathContext): XpathValue {
  const evaluate = (inner: XpathExpression): XpathValue => evaluateXpath(inner, context)
  switch (expression.kind) {
    case 'number':
    case 'text':
      return expression.value
    case 'negative':
      return -asNumber(evaluate(expression.value))
    case 'call':
      return xpathCall(expression.name, expression.values.map(evaluate), context)
    case 'path':
      return nodesAt(expression, context)
    case 'operation':
      return operated(expression.operator, expression.left, expression.right, evaluate)
  }
}

function operated(
  operator: string,
  left: XpathExpression,
  right: XpathExpression,
  evaluate: (inner: XpathExpression) => XpathValue,
): XpathValue {
  if (operator === 'or') return asBoolean(evaluate(left)) || asBoolean(evaluate(right))
  if (operator === 'and') return asBoolean(evaluate(left)) && asBoolean(evaluate(right))
  const [one, other] = [evaluate(left), evaluate(right)]
  switch (operator) {
    case '|':
      if (typeof one !== 'object' || typeof other !== 'object') throw new Error('| of XPath is of nodes.')
      return inOrder([...one, ...other])
    case '+':
      return asNumber(one) + asNumber(other)
    case '-':
      return asNumber(one) - asNumber(other)
    case '*':
      return asNumber(one) * asNumber(other)
    case 'div':
      return asNumber(one) / asNumber(other)
    case 'mod':
      return asNumber(one) % asNumber(other)
    default:
      return isCompared(operator, one, other)
  }
}

function nodesAt(
  { from, steps }: Extract<XpathExpression, { kind: 'path' }>,
  context: XpathContext,
): readonly XmlNode[] {
  let nodes: readonly XmlNode[]
  if (from === 'context') nodes = [context.node]
  else if (from === 'document') nodes = [rootOf(context.node)]
  else {
    const value = evaluateXpath(from, context)
    if (typeof value !== 'object') throw new Error('A path of XPath begins at nodes.')
    nodes = value
  }
  for (const [index, step] of steps.entries()) {
    // A predicate behind parentheses counts all nodes together.
    const isOfAll = index === 0 && typeof from === 'object' && step.axis === 'self' && step.test === 'node()'
    nodes = isOfAll
      ? step.predicates.reduce(chosen, nodes)
      : inOrder(nodes.flatMap((node) => taken(step, node)))
  }
  return nodes
}

function taken(step: XpathStep, node: XmlNode): readonly XmlNode[] {
  const matching = along(step.axis, node).filter((other) => isTested(step, other))
  return step.predicates.reduce(chosen, matching)
}

function chosen(nodes: readonly XmlNode[], predicate: XpathExpression): readonly XmlNode[] {
  return nodes.filter((node, index) => {
    const value = evaluateXpath(predicate, { node, position: index + 1, size: nodes.length })
    return typeof value === 'number' ? value === index + 1 : asBoolean(value)
  })
}

function isTested({ axis, test }: XpathStep, node: XmlNode): boolean {
  if (test === 'node()') return true
  if (test === 'text()') return node.kind === 'text'
  if (node.kind !== (axis === 'attribute' ? 'attribute' : 'element')) return false
  if (test.endsWith(':*')) return node.name.startsWith(test.slice(0, -1))
  return test === '*' || node.name === test
}

/** Nodes along an axis, the nearest first. */
function along(axis: string, node: XmlNode): readonly XmlNode[] {
  const ancestors = (): XmlNode[] => (node.parent ? [node.parent, ...along('ancestor', node.parent)] : [])
  const siblings = node.kind === 'attribute' ? [] : (node.parent?.children ?? [])
  const place = siblings.findIndex(({ order }) => order === node.order)
  switch (axis) {
    case 'self':
      return [node]
    case 'parent':
      return node.parent ? [node.parent] : []
    case 'attribute':
      return node.attributes
    case 'child':
      return node.children
    case 'descendant':
      return descendants(node)
    case 'descendant-or-self':
      return [node, ...descendants(node)]
    case 'ancestor':
      return ancestors()
    case 'ancestor-or-self':
      return [node, ...ancestors()]
    case 'following-sibling':
      return siblings.slice(place + 1)
    case 'preceding-sibling':
      return siblings.slice(0, Math.max(place, 0)).toReversed()
    case 'following': {
      const inside = new Set(descendants(node))
      return descendants(rootOf(node)).filter((other) => other.order > node.order && !inside.has(other))
    }
    default: {
      const above = new Set(ancestors())
      return descendants(rootOf(node))
        .filter((other) => other.order < node.order && !above.has(other))
        .toReversed()
    }
  }
}

function descendants(node: XmlNode): XmlNode[] {
  return node.children.flatMap((child) => [child, ...descendants(child)])
}

function rootOf(node: XmlNode): XmlNode {
  return node.parent ? rootOf(node.parent) : node
}

function inOrder(nodes: readonly XmlNode[]): readonly XmlNode[] {
  if (nodes.length < 2) return nodes
  return [...new Map(nodes.map((node) => [node.order, node])).values()].toSorted(
    (one, other) => one.order - other.order,
  )
}
