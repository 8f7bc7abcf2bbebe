import { must, unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Literal, ParsedQuery } from '#sql/compile.ts'
import { castQuery } from '#sql/parameters.ts'
import type { TransactionModes } from '#sql/statement.ts'
import { type DataType, type Field, sameType } from '#types/data-type.ts'
import { openRows } from '../rows/engine-rows.ts'
import { addColumns } from '../tables/add-columns.ts'
import { analyzedColumns, computeStatistics, statisticsQuery } from './analyze.ts'
import { checkEngine } from '../rows/choose-engine.ts'
import { copyToScratch } from './copy.ts'
import { createdColumns, createTable, createTableAs } from '../tables/create-table.ts'
import { type Cursors, moved } from './cursors.ts'
import { define } from './definitions.ts'
import { describeTable } from './describe-table.ts'
import { movedTo } from './dialect-text.ts'
import { explainJson, explainText, runToEnd } from './explain.ts'
import { createdFieldGroupColumns, createFieldGroup, dropFieldGroup } from '../tables/field-groups.ts'
import { placedAt } from '../placed-at.ts'
import { literalOfText } from '../literal-text.ts'
import { type PlannedQuery, planQuery } from '../rows/plan-query.ts'
import { inPrepared, type PreparedStatements, refuseNested, unknownPrepared } from './prepared-statements.ts'
import type { SessionProperties } from '../properties.ts'
import type { Statement, StatementResult } from '../query.ts'
import { refuseWrites } from './read-only.ts'
import { evaluateScalar } from '../rows/scalar.ts'
import { unlessRemoved } from '../rows/unless-removed.ts'
import { dropSample, sampleColumns, sampleRows, takeSample } from './samples.ts'
import { capped, uncapped } from '../row-cap.ts'
import type { Scope } from '../scope.ts'
import type { ScratchCopy } from '../scratch-space.ts'
import { show } from './show.ts'
import { staticResult, textColumns } from '../static-rows.ts'
import { runBlock, runSteps, chosenBranch, setVariable } from './run-block.ts'
import { stopReason } from '../rows/stop-signal.ts'
import { createView, dropView } from './views.ts'
import { dropTable, insert } from '../tables/write-rows.ts'

export interface StatementHost {
  readonly prepared: PreparedStatements
  readonly cursors: Cursors
  readonly encoding: (columns: readonly Field[]) => Encoding
  /** Of what is on record. */
  readonly queryId?: string
  /** Told of rows that were stored, also those of a block's statements. */
  readonly onWritten: (rowCount: number) => void
  /** Told of a copy that is there; a run's later attempt tells of it again. */
  readonly onCopied?: (copy: ScratchCopy) => Promise<void>
  /** Of a SELECT whose rows are given: none is before it has resolved. */
  readonly onPlanned?: (planned: PlannedQuery) => Promise<void>
  /** The number of rows is not capped: they leave as a whole. */
  readonly isWhole?: boolean
  /** In how many prepared statements it is. */
  readonly depth?: number
}

export type Results = AsyncGenerator<StatementResult, void, undefined>

const command = (tag: string, rowCount?: number): StatementResult => ({ kind: 'command', tag, rowCount })

/** What they did leaves nothing that tells who did it. */
const traceless: readonly Statement['kind'][] = [
  'addColumns',
  'createFieldGroup',
  'createView',
  'define',
  'dropFieldGroup',
  'dropSample',
  'dropView',
]

/** Carries one statement out. A block's SELECTs give their rows in order, then the block its tag. */
export async function* runStatement(scope: Scope, statement: Statement, host: StatementHost): Results {
  if (scope.signal.aborted) throw stopReason(scope.signal)
  const { properties, journal, step } = scope
  refuseWrites(scope, statement)
  if (traceless.includes(statement.kind)) await journal.noteBegun(step)
  switch (statement.kind) {
    case 'query':
      return yield* selectRows(scope, statement.query, host)
    case 'explain': {
      const planned = await planQuery(scope, statement.query, await journal.pins(step))
      const took = statement.isAnalyzed ? await runToEnd(scope, planned) : undefined
      const lines = statement.format === 'json' ? [explainJson(planned, took)] : explainText(planned, took)
      const rows = lines.map((line) => [line])
      return yield staticResult(textColumns('QUERY PLAN'), rows, host.encoding)
    }
    case 'createTableAs': {
      const rowCount = await createTableAs(scope, statement)
      host.onWritten(rowCount ?? 0)
      return yield rowCount === undefined
        ? command('CREATE TABLE AS')
        : command(`SELECT ${rowCount}`, rowCount)
    }
    case 'insert': {
      const rowCount = await insert(scope, statement)
      host.onWritten(rowCount)
      return yield command(`INSERT 0 ${rowCount}`, rowCount)
    }
    case 'copy': {
      const queryId = must(host.queryId, 'a COPY is on record')
      const copy = await copyToScratch(scope, statement, queryId)
      const { rowCount } = copy
      host.onWritten(rowCount)
      await host.onCopied?.(copy)
      return yield command(`COPY ${rowCount}`, rowCount)
    }
    case 'dropTable':
      await dropTable(scope, statement)
      return yield command('DROP TABLE')
    case 'createTable': {
      const id = await createTable(scope, statement)
      const columns = createdColumns(statement)
      return yield columns
        ? staticResult(columns, id === undefined ? [] : [[id]], host.encoding)
        : command('CREATE TABLE')
    }
    case 'createView':
      await createView(scope, statement)
      return yield command('CREATE VIEW')
    case 'dropView':
      await dropView(scope, statement)
      return yield command('DROP VIEW')
    case 'analyze': {
      if (!statement.isKept)
        return yield* selectRows(scope, (await statisticsQuery(scope, statement)).query, host)
      const answer = await computeStatistics(scope, statement)
      return yield staticResult(analyzedColumns(statement), [[answer]], host.encoding)
    }
    case 'takeSample':
      return yield staticResult(
        textColumns('Sample Table'),
        [[await takeSample(scope, statement)]],
        host.encoding,
      )
    case 'sampleMeta':
      return yield staticResult(sampleColumns, await sampleRows(scope, statement), host.encoding)
    case 'dropSample':
      await dropSample(scope, statement)
      return yield command('DROP TABLESAMPLE')
    case 'define': {
      const { definition } = statement
      const position = 'table' in definition ? definition.table.position : undefined
      return yield command(await placedAt(position, () => define(scope, definition)))
    }
    case 'createFieldGroup': {
      const id = await createFieldGroup(scope, statement)
      return yield staticResult(createdFieldGroupColumns, id === undefined ? [] : [[id]], host.encoding)
    }
    case 'dropFieldGroup':
      await dropFieldGroup(scope, statement)
      return yield command('DROP FIELDGROUP')
    case 'addColumns':
      await placedAt(statement.table.position, () => addColumns(scope, statement))
      return yield command('ALTER TABLE')
    case 'describe': {
      const { columns, rows } = await describeTable(scope, statement)
      return yield staticResult(columns, rows, host.encoding)
    }
    case 'declareCursor':
      await host.cursors.declare(scope, statement)
      return yield command('DECLARE CURSOR')
    case 'fetch': {
      const fetched = await host.cursors.fetch(scope, { ...statement, encoding: host.encoding })
      return yield statement.isMove ? await moved(fetched) : fetched
    }
    case 'closeCursor':
      await host.cursors.close(statement.name)
      return yield command(statement.name === 'all' ? 'CLOSE CURSOR ALL' : 'CLOSE CURSOR')
    case 'setVariable':
      await setVariable(scope, statement)
      return yield command('SET')
    case 'setProperty':
      checkEngine(scope.services, statement.name, statement.value)
      setProperty(scope, statement)
      return yield command('SET')
    case 'setTransaction':
      setTransaction(properties, statement)
      return yield command('SET')
    case 'resetProperty':
      properties.reset(statement.name)
      return yield command('RESET')
    case 'show': {
      const { columns, rows } = await show(scope, statement.what)
      return yield staticResult(columns, rows, host.encoding)
    }
    case 'block':
      yield* runBlock(scope, statement, host)
      return yield command('DO')
    case 'if':
      return yield* runSteps(scope, await chosenBranch(scope, statement), { host, prefix: scope.step })
    case 'transaction':
      if (statement.action === 'commit' || statement.action === 'rollback') {
        properties.endTransaction()
        await host.cursors.endTransaction(statement.action)
      }
      if (statement.action === 'begin' || ('isChained' in statement && statement.isChained)) {
        properties.beginTransaction()
        host.cursors.beginTransaction()
      }
      if (statement.action !== 'begin') return yield command(transactionTags[statement.action])
      setTransaction(properties, { ...statement, isSession: false })
      return yield command(statement.words)
    case 'unlisten':
      return yield command('UNLISTEN')
    case 'prepare':
      host.prepared.add(statement)
      return yield command('PREPARE')
    case 'execute':
      return yield* executePrepared(scope, statement, host)
    case 'deallocate':
      if (statement.name === 'all') host.prepared.clear()
      else if (!host.prepared.remove(statement.name)) throw unknownPrepared(statement.name)
      return yield command(statement.name === 'all' ? 'DEALLOCATE ALL' : 'DEALLOCATE')
    case 'discard':
      await discard(scope, statement.what, host)
      return yield command(`DISCARD ${statement.what.toUpperCase()}`)
    default:
      return unreachable(statement)
  }
}

function setProperty(
  { properties, notice }: Scope,
  { name, value, isLocal }: Extract<Statement, { readonly kind: 'setProperty' }>,
): void {
  if (!isLocal) return properties.set(name, value)
  if (properties.setLocal(name, value) === 'set') return
  notice('SET LOCAL holds until a transaction ends, and there is none in progress: nothing was set.')
}

/** What drivers set, they read again. */
function setTransaction(
  properties: SessionProperties,
  { isolation, isReadOnly, isSession }: TransactionModes & { readonly isSession: boolean },
): void {
  const prefix = isSession ? 'default_transaction' : 'transaction'
  if (isolation !== undefined) properties.set(`${prefix}_isolation`, isolation)
  if (isReadOnly !== undefined) properties.set(`${prefix}_read_only`, isReadOnly ? 'on' : 'off')
}

/** Of plans and sequences there are none. */
async function discard(
  { temporaries, services, caller, properties }: Scope,
  what: 'all' | 'plans' | 'sequences' | 'temp',
  { prepared, cursors }: StatementHost,
): Promise<void> {
  if (what === 'plans' || what === 'sequences') return
  await temporaries.clear(({ id }) => services.datasets.delete(caller, id))
  if (what === 'temp') return
  prepared.clear()
  await cursors.close('all')
  properties.reset('all')
}

const transactionTags = {
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  savepoint: 'SAVEPOINT',
  release: 'RELEASE',
  rollbackTo: 'ROLLBACK',
} as const

async function* selectRows(scope: Scope, query: ParsedQuery, host: StatementHost): Results {
  const { query: limited, cap } = host.isWhole
    ? { query: uncapped(scope, query), cap: undefined }
    : capped(scope, query)
  const complexAsJson = scope.properties.isTrue('auto_to_json') && scope.pool === 'interactive'
  const { columns, rows, open } = await unlessRemoved(scope, async () => {
    const pins = await scope.journal.pins(scope.step)
    const planned = await planQuery(scope, limited, pins, { complexAsJson })
    // The record is written while the engine begins; no row is given before it is there.
    const recorded = Promise.allSettled([host.onPlanned?.(planned)])
    await using ended = new AsyncDisposableStack()
    ended.defer(async () => void (await recorded))
    await pins.keep()
    const encoding = host.encoding(planned.columns)
    const rows = ended.use(await openRows(scope, planned, { encoding, cap }))
    const [record] = await recorded
    if (record.status === 'rejected') throw record.reason
    return { columns: planned.columns, rows, open: ended.move() }
  })
  await using _open = open
  yield { kind: 'rows', columns, rows }
}

async function* executePrepared(
  scope: Scope,
  statement: Extract<Statement, { readonly kind: 'execute' }>,
  host: StatementHost,
): Results {
  const prepared = host.prepared.get(statement.name)
  if (!prepared) throw unknownPrepared(statement.name)
  const { depth = 0 } = host
  refuseNested(depth)
  const { types, statement: inner } = prepared
  const parameters = []
  for (const [index, argument] of statement.arguments.entries()) {
    const step = `${scope.step}.${index}`
    parameters.push(await argumentOf({ ...scope, step }, argument, types[index]))
  }
  const expected = parameterCountOf(inner)
  if (parameters.length !== expected) {
    throw new AppError(
      'query.parameters',
      `The statement ${JSON.stringify(statement.name)} takes ${expected} parameters, ${parameters.length} came.`,
    )
  }
  try {
    yield* runStatement({ ...scope, parameters }, inner, { ...host, depth: depth + 1 })
  } catch (error) {
    throw inPrepared(error)
  }
}

/** A text is read as one that a client sends for a parameter of the type; other values are cast. */
async function argumentOf(scope: Scope, argument: ParsedQuery, type: DataType | undefined): Promise<Literal> {
  const given = await evaluateScalar(scope, argument)
  if (!type || sameType(given.type, type)) return given
  if (given.value === null) return { type, value: null }
  if (given.type.kind !== 'string') return await evaluateScalar(scope, castQuery(argument, type))
  try {
    return literalOfText(type, String(given.value))
  } catch (error) {
    throw error instanceof AppError ? movedTo(error, argument.position) : error
  }
}

function parameterCountOf(statement: Statement): number {
  return 'query' in statement ? statement.query.parameterCount : 0
}
