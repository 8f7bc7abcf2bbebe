import { assert, must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { stringType, type DataType } from '#types/data-type.ts'
import type { Relation } from './bind/bound.ts'
import { complexAsJson } from './bind/complex-as-json.ts'
import { outputsOf } from './bind/outputs.ts'
import { bindQuery } from './bind/query.ts'
import { emptyScope } from './bind/scope.ts'
import { newBindState } from './bind/state.ts'
import type { BindContext, BoundQuery, ParsedQuery, SqlFrontEnd } from './compile.ts'
import type { Query } from './parse/syntax.ts'
import { parseStatement } from './parse/statement.ts'
import { constantRow } from './passes/constant-row.ts'
import { pruneColumns } from './passes/prune-columns.ts'
import { scanNeeds } from './passes/scan-needs.ts'
import { stageWindows } from './passes/stage-windows.ts'
import { printQuery as printDuckdb } from './print/duckdb/print-query.ts'
import { printQuery as printSpark } from './print/spark/print-query.ts'
import { splitStatements } from './scan/split.ts'
import { refuseUnnamedAggregates } from './unnamed-aggregates.ts'

const printers = { duckdb: printDuckdb, spark: printSpark } as const

export function createSqlFrontEnd(): SqlFrontEnd {
  return {
    split: splitStatements,
    parse: (statement) =>
      withinStack(() => {
        const parsed = parseStatement(statement)
        refuseUnnamedAggregates(parsed)
        return parsed
      }),
    bind: (query, context) => withinStack(() => bind(query, context)),
  }
}

/** @throws AppError 'query.limit' where what calls itself went too deep: chains of one operator are as deep as they are long */
function withinStack<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new AppError('query.limit', 'The statement is a chain of too many operators, joins or queries.', {
      hint: 'Put some of them into parentheses, or write IN (…) for many OR.',
      cause: error,
    })
  }
}

function bind(query: ParsedQuery, context: BindContext): BoundQuery {
  const state = newBindState(context)
  const whole = bindQuery(query.tree as Query, { state, commons: new Map(), outer: emptyScope })
  const bound = context.complexAsJson ? complexAsJson(whole, { state, at: query.position }) : whole
  const tree = stageWindows(pruneColumns(bound), state.nextAlias)
  const scans = scanNeeds(tree)
  return {
    columns: outputsOf(bound).map(({ name, type }) => ({ name, type })),
    parameterTypes: parameterTypes(query.parameterCount, state.parameterTypes),
    scans: [...scans.values()],
    isOrdered: tree.orderBy.length > 0,
    constants: constantRow(tree),
    notices: [...new Set(state.notices)],
    print(engine, texts) {
      assert(engine === (context.engine ?? 'duckdb'), 'a query is printed for the engine it was bound for')
      const textOf = (relation: Relation): string => {
        const scan = must(scans.get(relation), 'every scan has its needs')
        return must(texts.get(scan), 'the caller planned every scan')
      }
      return withinStack(() => printers[engine](tree, textOf))
    },
  }
}

/** What nobody said is a text, as PostgreSQL has it. */
function parameterTypes(count: number, known: readonly (DataType | undefined)[]): readonly DataType[] {
  return Array.from({ length: count }, (_, index) => known[index] ?? stringType)
}
