import type * as Grammar from 'libpg-query'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import {
  functions,
  introspectiveFunctions,
  privilegeFunctions,
  relations,
  splicedFunctions,
  splicedRelations,
} from './allowed.ts'
import type { CopyOptions, Question } from './shadow.ts'
import { type Splice, spliced } from './splice.ts'

/** Longer texts are never questions of a client; the parser's depth is bounded by it. */
const textBytesMax = 64 * 1024
/** PostgreSQL's bit for `WITH HOLD`. */
const cursorOptionHold = 0x20
/** A question must say one of these words: everything else is not even looked at. */
const hint =
  /\bpg_|information_schema|\bversion\b|current_schema|current_setting|from\s+current_database|set_config|_privilege|format_type|_description\b|\binet_|getdatabaseencoding|\breg[a-z]+\b|to_reg/i

let grammar: Pick<typeof Grammar, 'parseSync'> | undefined

/** Before questions are looked for: loads PostgreSQL's own grammar, which takes a moment and megabytes that not every server needs. */
export async function loadGrammar(): Promise<void> {
  if (grammar) return
  const loaded = await import('libpg-query')
  await loaded.loadModule()
  grammar = loaded
}

/** A part of a request: a question, or the place of a statement that is none. */
export type Part =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'other'; readonly from: number; readonly to: number }

/**
 * The statements of a request when at least one of them asks the catalogue; undefined when the request is wholly the
 * dialect's. A question is one SELECT in PostgreSQL's grammar, also one of a cursor or of COPY, all of whose relations
 * are of the catalogue and which has at least one, or has none and calls a function made for introspection.
 * @throws AppError 'query.unsupported' for a question that names what questions may not
 */
export function partsOf(text: string): readonly Part[] | undefined {
  if (!hint.test(text) || Buffer.byteLength(text) > textBytesMax) return undefined
  const statements = parsed(text)
  if (!statements) return undefined
  const bytes = Buffer.from(text)
  const parts = statements.map(({ stmt, stmt_location: from = 0, stmt_len: length }): Part => {
    const to = length === undefined ? bytes.length : from + length
    const question = questionOf(bytes.toString('utf8', from, to), stmt, from)
    if (question) return { kind: 'question', question }
    const start = bytes.toString('utf8', 0, from).length
    return { kind: 'other', from: start, to: start + bytes.toString('utf8', from, to).length }
  })
  return parts.some(({ kind }) => kind === 'question') ? parts : undefined
}

type Node = Readonly<Record<string, unknown>>

interface RawStatement {
  readonly stmt: Node
  readonly stmt_location?: number
  readonly stmt_len?: number
}

/** Undefined: PostgreSQL's grammar has no such text, so it is the dialect's to judge. */
function parsed(text: string): readonly RawStatement[] | undefined {
  const { parseSync } = must(grammar, 'the grammar is loaded before a session is open')
  try {
    return (parseSync(text) as { readonly stmts?: readonly RawStatement[] }).stmts
  } catch {
    return undefined
  }
}

function questionOf(text: string, statement: Node, offset: number): Question | undefined {
  const declared = statement['DeclareCursorStmt'] as
    | { readonly portalname: string; readonly query: Node; readonly options?: number }
    | undefined
  const copied = copyOf(statement['CopyStmt'] as CopyStatement | undefined)
  const select = (declared?.query ?? copied?.query ?? statement)['SelectStmt'] as Node | undefined
  if (!select) return undefined
  const seen = new Seen()
  seen.walk(select)
  if (!seen.isQuestion) return undefined
  seen.refuseForbidden()
  const [head, end] = copied ? queryWithin(text) : [declared ? headOfCursor(text) : 0, text.length]
  const splices = seen.splices.map((splice) => ({ ...splice, at: splice.at - offset }))
  const { sql, shifts } = spliced(text.slice(0, end), splices, head)
  if (copied) return { text, sql, shifts, copied: copied.options }
  const isHeld = ((declared?.options ?? 0) & cursorOptionHold) !== 0
  return { text, sql, shifts, ...(declared ? { cursor: declared.portalname, isHeld } : {}) }
}

interface CopyStatement {
  readonly query?: Node
  readonly is_from?: boolean
  readonly is_program?: boolean
  readonly filename?: string
  readonly options?: readonly { readonly DefElem: { readonly defname: string; readonly arg?: OptionValue } }[]
}

/** Undefined unless rows of a query leave by it for the client. */
function copyOf(
  copy: CopyStatement | undefined,
): { readonly query: Node; readonly options: CopyOptions } | undefined {
  if (!copy?.query || copy.is_from || copy.is_program || copy.filename !== undefined) return undefined
  const options = (copy.options ?? []).map(
    ({ DefElem: { defname, arg } }) => [defname, valueOf(arg)] as const,
  )
  return { query: copy.query, options: Object.fromEntries(options) }
}

type OptionValue = {
  readonly A_Star?: object
  readonly List?: { readonly items: readonly OptionValue[] }
  readonly Boolean?: { readonly boolval?: boolean }
  readonly String?: { readonly sval: string }
  readonly Float?: { readonly fval: string }
  readonly Integer?: { readonly ival?: number }
}

/** An option without a value is on. */
function valueOf(arg: OptionValue | undefined): string | readonly string[] {
  if (!arg) return 'true'
  if (arg.A_Star) return '*'
  if (arg.List) return arg.List.items.flatMap((item) => valueOf(item))
  if (arg.Boolean) return String(arg.Boolean.boolval ?? false)
  return arg.String?.sval ?? arg.Float?.fval ?? String(arg.Integer?.ival ?? 0)
}

/** Where the query of `COPY (…) TO STDOUT` begins and ends, in UTF-16 units. */
function queryWithin(text: string): readonly [number, number] {
  const head = /^(?:\s|--.*\n|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*copy\s*\(/i.exec(text)
  const tail = [...text.matchAll(/\)\s*to\s+stdout\b/gi)].at(-1)
  if (head && tail) return [head[0].length, tail.index]
  throw new AppError('query.unsupported', 'Write COPY (…) TO STDOUT without comments in it.')
}

/** Where the query of `DECLARE … CURSOR … FOR` begins, in UTF-16 units. */
function headOfCursor(text: string): number {
  const [head = ''] = /^\s*declare\s+(?:"(?:[^"]|"")*"|[^\s"]+)[\s\w]*?\sfor\s/i.exec(text) ?? []
  if (head === '')
    throw new AppError('query.unsupported', 'Write DECLARE … CURSOR FOR without comments in it.')
  return head.length
}

/** What one SELECT names, at any depth. */
class Seen {
  readonly splices: Splice[] = []
  readonly #relations: { readonly schema: string | undefined; readonly name: string; readonly at: number }[] =
    []
  readonly #commons = new Set<string>()
  readonly #forbidden: string[] = []
  #isIntrospective = false

  walk(node: unknown): void {
    if (Array.isArray(node)) {
      for (const item of node) this.walk(item)
      return
    }
    if (typeof node !== 'object' || node === null) return
    for (const [kind, value] of Object.entries(node)) {
      this.#look(kind, value as Node)
      this.walk(value)
    }
  }

  #look(kind: string, node: Node): void {
    switch (kind) {
      case 'RangeVar':
        this.#relations.push({
          schema: node['schemaname'] as string | undefined,
          name: node['relname'] as string,
          at: (node['location'] as number | undefined) ?? 0,
        })
        return
      case 'CommonTableExpr':
        this.#commons.add(node['ctename'] as string)
        return
      case 'FuncCall':
        return this.#call(node)
      case 'TypeCast': {
        // A name with its database before it: the shadow's is called otherwise.
        const type = node['typeName'] as Node | undefined
        if (namesIn(type?.['names']).at(-1) === 'regclass') this.#identsIn(node['arg'])
        return
      }
      case 'RangeFunction':
        // The dialect has it as a value, and nothing of the kind in FROM.
        if (functionsIn(node).includes('current_database')) this.#isIntrospective = true
        return
      case 'SQLValueFunction': {
        const name = valueFunctions[node['op'] as string]
        const at = (node['location'] as number | undefined) ?? 0
        if (name === 'current_schema') this.#isIntrospective = true
        else if (name) this.splices.push({ at, kind: 'value', name })
        return
      }
      case 'typeName':
      case 'TypeName': {
        const name = namesIn(node['names']).at(-1) ?? ''
        if (/^reg[a-z]+$/.test(name)) this.#isIntrospective = true
        return
      }
      case 'A_Const': {
        // `\d name_e[]` of psql looks for a relation called so; ours is the type of the array's elements.
        const text = (node['sval'] as { readonly sval?: string } | undefined)?.sval
        const at = (node['location'] as number | undefined) ?? 0
        if (text !== undefined && /^\^\(\w+\\\[\\?\]\)\$$/.test(text))
          this.splices.push({ at, kind: 'pattern' })
        return
      }
      case 'IntoClause':
      case 'LockingClause':
      case 'XmlExpr':
      case 'XmlSerialize':
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
      case 'intoClause':
        this.#forbidden.push(kind)
        return
      default:
        return
    }
  }

  #call(node: Node): void {
    const names = namesIn(node['funcname'])
    const name = names.at(-1) ?? ''
    const schema = names.length > 1 ? names.slice(0, -1).join('.') : undefined
    const at = (node['location'] as number | undefined) ?? 0
    if (introspectiveFunctions.has(name) || (schema !== undefined && isCatalogue(schema)))
      this.#isIntrospective = true
    if ((schema !== undefined && !isCatalogue(schema)) || !functions.has(name)) {
      this.#forbidden.push(names.join('.'))
      return
    }
    const argumentCount = (node['args'] as readonly unknown[] | undefined)?.length ?? 0
    // What a keyword became has no name in the text.
    const isWritten = node['funcformat'] !== 'COERCE_SQL_SYNTAX'
    const namesUser =
      privilegeFunctions.has(name) && argumentCount > (name === 'has_column_privilege' ? 3 : 2)
    if (isWritten && (splicedFunctions.has(name) || namesUser))
      this.splices.push({ at, kind: 'function', name })
  }

  #identsIn(node: unknown): void {
    if (typeof node !== 'object' || node === null) return
    for (const [kind, value] of Object.entries(node)) {
      this.#identsIn(value)
      const at = ((value as Node)?.['location'] as number | undefined) ?? 0
      // A cast around another one is asked for both.
      if (this.splices.some((splice) => splice.at === at)) continue
      if (kind === 'FuncCall' && namesIn((value as Node)['funcname']).at(-1) === 'quote_ident')
        this.splices.push({ at, kind: 'function', name: 'quote_ident' })
      if (kind === 'ColumnRef' && namesIn((value as Node)['fields']).at(-1) === 'table_catalog')
        this.splices.push({ at, kind: 'catalog' })
    }
  }

  /** Whether everything it reads is of the catalogue. */
  get isQuestion(): boolean {
    const named = this.#relations.filter(
      ({ schema, name }) => schema !== undefined || !this.#commons.has(name),
    )
    const isCatalogued = named.every(({ schema, name }) =>
      schema === undefined ? name.startsWith('pg_') : isCatalogue(schema),
    )
    return isCatalogued && (named.length > 0 || this.#isIntrospective)
  }

  refuseForbidden(): void {
    for (const { schema, name, at } of this.#relations) {
      // A name that is both would let one of them pass for the other.
      if (this.#commons.has(name) && (relations.has(name) || name.startsWith('pg_')))
        this.#forbidden.push(name)
      if (schema === 'information_schema' || (schema === undefined && this.#commons.has(name))) continue
      if (!relations.has(name)) this.#forbidden.push(name)
      if (splicedRelations.has(name)) this.splices.push({ at, kind: 'relation', name })
    }
    const [first] = this.#forbidden
    if (first === undefined) return
    throw new AppError(
      'query.unsupported',
      `Questions to the catalogue may not use ${JSON.stringify(first.slice(0, 80))}.`,
      { hint: 'Catalogue tables are for learning what there is; read data by itself.' },
    )
  }
}

const valueFunctions: Readonly<Record<string, string>> = {
  SVFOP_CURRENT_USER: 'current_user',
  SVFOP_CURRENT_ROLE: 'current_role',
  SVFOP_SESSION_USER: 'session_user',
  SVFOP_USER: 'user',
  SVFOP_CURRENT_CATALOG: 'current_catalog',
  SVFOP_CURRENT_SCHEMA: 'current_schema',
}

function isCatalogue(schema: string): boolean {
  return schema === 'pg_catalog' || schema === 'information_schema'
}

/** Of `FROM f(…)` and `FROM ROWS FROM (f(…), …)`. */
function functionsIn(node: Node): string[] {
  const lists = node['functions'] as readonly { readonly List?: { readonly items: readonly Node[] } }[]
  const calls = lists
    .flatMap(({ List }) => List?.items ?? [])
    .map((item) => item['FuncCall'] as Node | undefined)
  return calls.map((call) => namesIn(call?.['funcname']).at(-1) ?? '')
}

function namesIn(list: unknown): string[] {
  return ((list ?? []) as readonly { readonly String?: { readonly sval?: string } }[]).map(
    (item) => item.String?.sval ?? '',
  )
}
