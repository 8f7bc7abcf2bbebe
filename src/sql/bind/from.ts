import { AppError } from '#base/errors.ts'
import { findFunction } from '../functions/registry.ts'
import { historyColumns, type ParsedQuery } from '../compile.ts'
import type { Alias, FromItem, LateralView, Query, Select } from '../parse/syntax.ts'
import type { BoundFrom, Relation } from './bound.ts'
import { booleanOf, fieldOf } from './build.ts'
import { bindExpression } from './expression.ts'
import { bindGenerator, unnestOf } from './generator-select.ts'
import { bindJoin } from './join.ts'
import { flattened } from './flatten.ts'
import { columnOf, derivedFrom } from './outputs.ts'
import { pivotQuery } from './pivot.ts'
import { bindQuery, type QueryPlace } from './query.ts'
import { emptyScope, type Scope, type ScopeColumn } from './scope.ts'
import { bindSnapshot } from './snapshot.ts'
import type { BindState, ExpressionPlace } from './state.ts'
import { suggestion } from './suggest.ts'

/** Something of FROM, and what names can mean behind it. */
export interface BoundSource {
  readonly from: BoundFrom
  readonly columns: readonly ScopeColumn[]
}

/** FROM with its comma joins, and the LATERAL VIEWs behind it. */
export function bindFromList(
  { from, lateralViews }: Pick<Select, 'from' | 'lateralViews'>,
  place: QueryPlace,
): {
  readonly from: BoundFrom | undefined
  readonly columns: readonly ScopeColumn[]
  /** Names that mean something where no column has them. */
  readonly fields: readonly ScopeColumn[]
} {
  let source: BoundSource | undefined
  let fields: readonly ScopeColumn[] = []
  for (const item of from) {
    const right = bindFromItem(item, place, source?.columns ?? [])
    if (item.kind === 'generator') fields = [...fields, ...fieldsOfElements(item.call.name, right)]
    source = crossed(source, right)
  }
  for (const view of lateralViews) source = viewed(view, source, place)
  return { from: source?.from, columns: source?.columns ?? [], fields }
}

/** `FROM explode(structs)` has one column, as Spark says; the platform's statements name the fields in it alone. */
function fieldsOfElements(generator: string, { columns }: BoundSource): readonly ScopeColumn[] {
  const [only, ...more] = columns
  if (!/^explode(_outer)?$/i.test(generator) || only?.value.type.kind !== 'struct' || more.length > 0)
    return []
  return only.value.type.fields.map(({ name, type }) => ({
    ...only,
    name,
    value: fieldOf(only.value, name, type),
  }))
}

/** @param left columns to its left, which LATERAL may name */
export function bindFromItem(item: FromItem, place: QueryPlace, left: readonly ScopeColumn[]): BoundSource {
  switch (item.kind) {
    case 'table':
      return bindTable(item, place)
    case 'subquery': {
      const outer = item.isLateral ? scopeWith(left, place) : place.outer
      const query = bindQuery(item.query, { ...place, outer })
      const from = derivedFrom(query, place.state, item.isLateral)
      return { from, columns: named(from.relation, item.alias, []) }
    }
    case 'generator': {
      const entry = findFunction(item.call.name)
      if (entry?.kind !== 'generator') {
        throw new AppError(
          'query.unknown_function',
          `${item.call.name} makes no rows: it cannot stand in FROM.`,
          {
            position: item.at,
          },
        )
      }
      const list = bindGenerator(item.call, generatorPlace(left, place))
      const names = item.alias?.columns ?? (entry.isNamedByRows && item.alias ? [item.alias.name] : [])
      const from = unnestOf(list, names, place.state)
      return { from, columns: named(from.relation, item.alias && { ...item.alias, columns: undefined }, []) }
    }
    case 'pivot': {
      const { columns } = bindFromItem(item.input, place, left)
      const inner = generatorPlace(columns, place)
      const allows = { aggregates: true, windows: false, generators: false }
      const types = item.aggregates.map(({ value }) => bindExpression(value, { ...inner, allows }).type)
      const query = pivotQuery(item, columns, types)
      return bindFromItem(
        { kind: 'subquery', query, isLateral: false, alias: item.alias, at: item.at },
        place,
        left,
      )
    }
    case 'join':
      return bindJoin(item, place, left)
  }
}

/** Every relation of FROM. */
export function relationsOf(from: BoundFrom): readonly Relation[] {
  return from.kind === 'join' ? [...relationsOf(from.left), ...relationsOf(from.right)] : [from.relation]
}

type TableItem = Extract<FromItem, { kind: 'table' }>

function bindTable(item: TableItem, { state, commons }: QueryPlace): BoundSource {
  const { parts, position } = item.name
  const [first] = parts
  const common = parts.length === 1 && first !== undefined ? commons.get(first.toLowerCase()) : undefined
  if (common) {
    refuseSnapshot(item, 'Tables of WITH')
    const { relation } = derivedFrom(common.query, state)
    return { from: { kind: 'common', relation, common }, columns: named(relation, item.alias, parts) }
  }
  const { catalogue, dropsSystemColumns } = state.context
  const view = catalogue.view?.(parts)
  if (view) return bindView(item, view, state)
  const table = catalogue.table(parts)
  if (!table) {
    const known = [...catalogue.tableNames, ...[...commons.values()].map(({ name }) => name)]
    throw new AppError('query.unknown_table', `There is no table ${parts.join('.')}.`, {
      position,
      hint: suggestion(parts.at(-1) ?? '', known) ?? 'See them with SHOW TABLES.',
    })
  }
  const { isHistory } = item
  const fields = isHistory
    ? historyColumns.fields
    : [...table.columns.fields, ...(dropsSystemColumns ? [] : table.systemColumns.fields)]
  const relation: Relation = {
    alias: state.nextAlias(),
    columns: fields.map(({ name, type }) => ({ name, key: name, type, definitions: [] })),
  }
  const snapshot = item.snapshot && bindSnapshot(item.snapshot, state)
  return {
    from: { kind: 'scan', relation, table, snapshot, isHistory },
    columns: tableColumns(relation, item, state),
  }
}

/** A view is a query in parentheses that sees nothing around it, and reads alike in every session. */
function bindView(item: TableItem, { tree }: ParsedQuery, state: BindState): BoundSource {
  refuseSnapshot(item, 'Views')
  const ofView = { ...state, context: { ...state.context, flattens: false, isOfView: true } }
  try {
    const query = bindQuery(tree as Query, { state: ofView, commons: new Map(), outer: emptyScope })
    const from = derivedFrom(query, state)
    return { from, columns: tableColumns(from.relation, item, state) }
  } catch (error) {
    throw error instanceof AppError ? atView(error, item) : error
  }
}

/** A place in a view's text is none in the statement's: what fails there fails where the view is named. */
function atView(error: AppError, { name }: TableItem): AppError {
  const { code, message, hint, detail } = error
  const isSaid = message.startsWith('In the view ')
  return new AppError(code, isSaid ? message : `In the view ${name.parts.join('.')}: ${message}`, {
    cause: error,
    position: name.position,
    hint,
    detail,
  })
}

function refuseSnapshot({ snapshot, isHistory, at }: TableItem, what: string): void {
  if (!snapshot && !isHistory) return
  throw new AppError('query.unsupported', `${what} have no snapshots: name the tables they are made of.`, {
    position: at,
  })
}

function tableColumns(relation: Relation, item: TableItem, { context }: BindState): readonly ScopeColumn[] {
  const columns = named(relation, item.alias, item.name.parts)
  return context.flattens ? columns.flatMap(flattened) : columns
}

/** The columns under an alias, or under the name the table goes by. */
export function named(
  relation: Relation,
  alias: Alias | undefined,
  parts: readonly string[],
): readonly ScopeColumn[] {
  const names = alias?.columns
  if (names && names.length > relation.columns.length) {
    throw new AppError(
      'query.syntax',
      `${alias.name} has ${relation.columns.length} columns, ${names.length} names were given.`,
    )
  }
  return relation.columns.map((column, index) => ({
    name: names?.[index] ?? column.name,
    qualifiers: alias ? [alias.name] : parts,
    value: columnOf(relation, column),
    isHidden: false,
  }))
}

function crossed(left: BoundSource | undefined, right: BoundSource): BoundSource {
  if (!left) return right
  const from: BoundFrom = {
    kind: 'join',
    type: 'cross',
    left: left.from,
    right: right.from,
    condition: undefined,
  }
  return { from, columns: [...left.columns, ...right.columns] }
}

function viewed(view: LateralView, source: BoundSource | undefined, place: QueryPlace): BoundSource {
  const list = bindGenerator(view.call, generatorPlace(source?.columns ?? [], place))
  const right = unnestOf(list, view.columns, place.state)
  const columns = named(
    right.relation,
    view.table === undefined ? undefined : { name: view.table, columns: undefined },
    [],
  )
  if (!source) return { from: right, columns }
  const from: BoundFrom = {
    kind: 'join',
    type: view.isOuter ? 'left' : 'cross',
    left: source.from,
    right,
    condition: view.isOuter ? booleanOf(true) : undefined,
  }
  return { from, columns: [...source.columns, ...columns] }
}

function scopeWith(left: readonly ScopeColumn[], { outer }: QueryPlace): Scope {
  return { columns: left, aliases: [], parent: outer }
}

function generatorPlace(left: readonly ScopeColumn[], place: QueryPlace): ExpressionPlace {
  return {
    state: place.state,
    commons: place.commons,
    scope: scopeWith(left, place),
    lambdaVariables: new Map(),
    windows: new Map(),
    allows: { aggregates: false, windows: false, generators: true },
    placeName: 'FROM',
  }
}
