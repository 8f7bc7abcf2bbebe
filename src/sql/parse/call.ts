import { AppError } from '#base/errors.ts'
import { parseExpression, parseOperand } from './expression.ts'
import { named, parseNamed } from './primary.ts'
import { tokenText } from '../scan/token.ts'
import type { CallExpression, Expression, SortItem } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { parseUnitCall } from './unit-call.ts'
import { parseSortItems, parseWindow } from './window.ts'

/** `name(…)` and what may stand behind it. */
export function parseCall(reader: TokenReader): CallExpression {
  const token = reader.next()
  const name = tokenText(token)
  reader.expectSymbol('(')
  const isDistinct = reader.takeWord('DISTINCT')
  if (!isDistinct) reader.takeWord('ALL')
  const side = name.toLowerCase() === 'trim' ? trimSide(reader) : undefined
  const withUnit = parseUnitCall(reader, name, () => parseArguments(reader, name.toLowerCase()))
  let values = withUnit?.arguments
  values ??= reader.isSymbol(')') ? [] : parseArguments(reader, name.toLowerCase())
  // As functions they take the signs first.
  if (side && values.length === 2) values = values.toReversed()
  let ignoresNulls = parseNullTreatment(reader)
  let orderBy = reader.isWord('ORDER') ? parseSortItems(reader) : []
  reader.expectSymbol(')')
  if (reader.takeWords('WITHIN', 'GROUP')) {
    orderBy = reader.inParentheses(() => parseSortItems(reader))
    values = withOrdered(name.toLowerCase(), values, orderBy)
  }
  let filter: Expression | undefined
  if (reader.areWords('FILTER') && isOpening(reader, 1)) {
    reader.next()
    filter = reader.inParentheses(() => {
      reader.expectWord('WHERE')
      return parseExpression(reader)
    })
  }
  ignoresNulls ||= parseNullTreatment(reader)
  const over = reader.takeWord('OVER') ? parseWindow(reader) : undefined
  return {
    kind: 'call',
    name: side ?? withUnit?.name ?? name,
    arguments: values,
    isDistinct,
    filter,
    orderBy,
    ignoresNulls,
    over,
    at: token.at,
  }
}

/** What these functions work on stands in WITHIN GROUP alone: it becomes their first argument. */
function withOrdered(name: string, values: Expression[], [sort]: readonly SortItem[]): Expression[] {
  return sort && ['percentile_cont', 'percentile_disc', 'mode'].includes(name)
    ? [sort.value, ...values]
    : values
}

function parseArguments(reader: TokenReader, name: string): Expression[] {
  if (name === 'position') return parsePosition(reader)
  // `name => value`, where there is one argument: then it can mean no other.
  const isByName = reader.current.kind === 'word' && isSymbolAt(reader, 1, '=>')
  if (isByName) passFirstName(reader)
  else if (name === 'trim') return parseTrim(reader)
  const further = furtherWords[name]
  const values = [further ? parseExpression(reader) : parseNamed(reader)]
  if (further && reader.isWord(...further)) {
    for (const word of further) if (reader.takeWord(word)) values.push(parseExpression(reader))
    return values
  }
  return [...values, ...parseFurther(reader)]
}

/** What Spark calls the first arguments of functions that take names: others would be taken for another argument. */
const firstNames = new Set(['collection', 'input', 'seed', 'str'])

function passFirstName(reader: TokenReader): void {
  const { name, at } = reader.identifier('the name of an argument')
  if (!firstNames.has(name.toLowerCase())) {
    throw new AppError('query.unsupported', `Arguments go by their place: none is called ${name}.`, {
      position: at,
    })
  }
  reader.next()
}

function parseFurther(reader: TokenReader): Expression[] {
  const values: Expression[] = []
  while (reader.takeSymbol(',')) values.push(parseNamed(reader))
  return values
}

/** The standard's own forms: `substring(x FROM 2 FOR 3)`, `overlay(x PLACING y FROM 2)`. */
const furtherWords: Readonly<Record<string, readonly string[]>> = {
  substring: ['FROM', 'FOR'],
  substr: ['FROM', 'FOR'],
  overlay: ['PLACING', 'FROM', 'FOR'],
}

/** `position(a IN b)`, or with a comma. */
function parsePosition(reader: TokenReader): Expression[] {
  const first = parseOperand(reader)
  if (reader.takeWord('IN')) return [first, parseExpression(reader)]
  const values = [first]
  while (reader.takeSymbol(',')) values.push(parseExpression(reader))
  return values
}

/** `trim(LEADING …)` is another function's work. */
function trimSide(reader: TokenReader): string | undefined {
  if (reader.isWord('LEADING')) return 'ltrim'
  return reader.isWord('TRAILING') ? 'rtrim' : undefined
}

/** `trim(BOTH 'x' FROM y)`: what is trimmed comes first, the signs behind it. Read once: calls stand in one another. */
function parseTrim(reader: TokenReader): Expression[] {
  const before = reader.index
  const hasSide = reader.takeWord('BOTH', 'LEADING', 'TRAILING')
  if (hasSide && reader.takeWord('FROM')) return [parseExpression(reader)]
  const first = parseExpression(reader)
  if (reader.takeWord('FROM')) return [parseExpression(reader), first]
  if (!hasSide) {
    const further = parseFurther(reader)
    // With a comma the signs come first.
    return further.length === 1 ? [...further, named(reader, first)] : [named(reader, first), ...further]
  }
  // No side then, but a name.
  reader.rewind(before)
  return [parseNamed(reader), ...parseFurther(reader)]
}

/** `IGNORE NULLS`; `RESPECT NULLS` is what happens anyway. */
function parseNullTreatment(reader: TokenReader): boolean {
  if (reader.takeWords('IGNORE', 'NULLS')) return true
  reader.takeWords('RESPECT', 'NULLS')
  return false
}

function isOpening(reader: TokenReader, distance: number): boolean {
  return isSymbolAt(reader, distance, '(')
}

function isSymbolAt(reader: TokenReader, distance: number, text: string): boolean {
  const token = reader.peek(distance)
  return token.kind === 'symbol' && token.text === text
}
