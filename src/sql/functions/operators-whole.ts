import { sameType, type DataType } from '#types/data-type.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import type { PrintedCall } from './entry.ts'
import { isGroupKey } from './group-keys.ts'
import { bitsOf, bitsOfType, roomFor, wrapped } from './numbers.ts'
import { canBeTried } from './tried.ts'

type WholeOperator = '+' | '-' | '*'

/** Arithmetic of one type all the way down; what is something else stands as text. */
type Tree =
  | { readonly kind: 'value'; readonly text: string; readonly bits: number }
  | {
      readonly kind: 'operation'
      readonly operator: WholeOperator
      readonly left: Tree
      readonly right: Tree
    }

/** Longer texts are not said twice, or texts inside of texts would double each time. */
const textLengthMax = 2000

/**
 * Sums, differences and products of whole numbers, which wrap around in Spark where the engine raises an error. Where
 * the operands' widths prove that nothing can overflow it is the engine's own; else the engine tries, and what it
 * cannot (NULLs among it) is computed again in a wider type: five to nine times faster than always in that type.
 */
export function wholeArithmetic(call: PrintedCall, operator: WholeOperator): string {
  const { type } = call
  const [left = valueTree('NULL', 0), right = valueTree('NULL', 0)] = call.arguments.map((value) =>
    treeOf(value, call),
  )
  return said({ kind: 'operation', operator, left, right }, type, call.arguments)
}

/** A function of one whole number that only the smallest makes overflow. */
export function wholeNegated(
  { values: [value = ''], type, arguments: given }: PrintedCall,
  name: '-' | 'abs',
): string {
  const called = (text: string): string => (name === '-' ? `(- ${text})` : `abs(${text})`)
  const exact = wrapped(called(`CAST(${value} AS ${roomFor(type)})`), type)
  return mayTry(given, value) ? `coalesce(TRY(${called(value)}), ${exact})` : exact
}

function said(tree: Tree, type: DataType, given: readonly BoundExpression[]): string {
  const plain = plainText(tree)
  if (bitsOfTree(tree) <= bitsOfType(type)) return plain
  const exact = wrapped(exactTree(tree, type).text, type)
  return mayTry(given, plain) ? `coalesce(TRY(${plain}), ${exact})` : exact
}

function treeOf(value: BoundExpression, call: PrintedCall): Tree {
  const { type } = call
  if (
    value.kind === 'call' &&
    !isGroupKey(value) &&
    sameType(value.type, type) &&
    value.arguments.every((own) => isIntegral(own.type))
  ) {
    const operator = value.entry.names[0]
    const [left, right] = value.arguments
    if (left && right && (operator === '+' || operator === '-' || operator === '*')) {
      return { kind: 'operation', operator, left: treeOf(left, call), right: treeOf(right, call) }
    }
  }
  return valueTree(call.cast(call.print(value), value.type, type), bitsOf(value))
}

function valueTree(text: string, bits: number): Tree {
  return { kind: 'value', text, bits }
}

function plainText(tree: Tree): string {
  if (tree.kind === 'value') return tree.text
  return `(${plainText(tree.left)} ${tree.operator} ${plainText(tree.right)})`
}

/** The most bits a value can need, its sign left out. */
function bitsOfTree(tree: Tree): number {
  return tree.kind === 'value'
    ? tree.bits
    : bitsTogether(tree.operator, bitsOfTree(tree.left), bitsOfTree(tree.right))
}

function bitsTogether(operator: WholeOperator, left: number, right: number): number {
  return operator === '*' ? left + right : Math.max(left, right) + 1
}

/** In the wider type, and wrapped on the way only where that one could overflow. */
function exactTree(tree: Tree, type: DataType): { readonly text: string; readonly bits: number } {
  const room = roomFor(type)
  if (tree.kind === 'value') return { text: `CAST(${tree.text} AS ${room})`, bits: tree.bits }
  const roomBits = room === 'HUGEINT' ? 126 : 62
  const sides = [exactTree(tree.left, type), exactTree(tree.right, type)] as const
  const bits = bitsTogether(tree.operator, sides[0].bits, sides[1].bits)
  if (bits <= roomBits) return { text: `(${sides[0].text} ${tree.operator} ${sides[1].text})`, bits }
  const [left, right] = sides.map(({ text }) => `CAST(${wrapped(text, type)} AS ${room})`)
  const own = bitsOfType(type)
  return { text: `(${left} ${tree.operator} ${right})`, bits: bitsTogether(tree.operator, own, own) }
}

function mayTry(given: readonly BoundExpression[], text: string): boolean {
  return text.length <= textLengthMax && given.every(canBeTried)
}
