import { AppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { Field } from '#types/data-type.ts'
import type { EngineStatement, OpenOptions, Pull, QueryEngine } from './engine.ts'
import { connect, type Connection, type SessionIdentity, type SparkAddress } from './spark/connection.ts'
import { appErrorOf, readFailure } from './spark/failure.ts'
import type { AnalyzeResponse, Relation } from './spark/messages.ts'
import { Operation } from './spark/operation.ts'
import { castStatement, relationOf } from './spark/relation.ts'
import { SparkSession } from './spark/session.ts'
import { SparkPull } from './spark/spark-pull.ts'
import { fieldsOfProto } from './spark/spark-types.ts'
import { Turns } from './spark/turns.ts'
import { stopReason, untilAbort } from './stop-reason.ts'

export type { SparkAddress } from './spark/connection.ts'

export interface SparkEngineOptions {
  readonly address: SparkAddress
  /** Statements at a time; more wait. */
  readonly statementsMax: number
  /** Where the id of the session at Spark is kept, for the server's next life. */
  readonly stateFile: string
  readonly logger: Logger
}

/**
 * Queries on a Spark Connect server (4.1). Nothing is connected before the first statement. Files are read by the
 * workers, which need them at the same paths.
 */
export function createSparkEngine({
  address,
  statementsMax,
  stateFile,
  logger,
}: SparkEngineOptions): QueryEngine {
  const connection = connect(address)
  const session = new SparkSession({ connection, stateFile, logger })
  const turns = new Turns(statementsMax)
  const running = new Set<Pull>()

  async function open(statement: EngineStatement, options: OpenOptions): Promise<Pull> {
    const { signal, columns, rowCountMax } = options
    const place = await turns.take(signal)
    try {
      const [identity, found] = await said(signal, () =>
        session.within(
          async (identity) => [identity, await analyze(connection, identity, relationOf(statement))] as const,
        ),
      )
      const plan = limited(relationOf(castStatement(statement, { found, wanted: columns })), rowCountMax)
      const operation = new Operation(connection, identity, plan)
      const pull = new SparkPull(operation, options, () => {
        place[Symbol.dispose]()
        running.delete(pull)
      })
      running.add(pull)
      return pull
    } catch (error) {
      place[Symbol.dispose]()
      throw error
    }
  }

  return {
    open,
    describe: (statement, { signal }) =>
      said(signal, () => session.within((identity) => analyze(connection, identity, relationOf(statement)))),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running].map((pull) => pull[Symbol.asyncDispose]()))
      await session.end()
      connection[Symbol.dispose]()
    },
  }
}

/** The columns of a plan; nothing is read. */
async function analyze(
  connection: Connection,
  identity: SessionIdentity,
  root: Relation,
): Promise<readonly Field[]> {
  const request = { ...identity, schema: { plan: { root } } }
  const answer = await connection.call<AnalyzeResponse>('AnalyzePlan', request)
  return fieldsOfProto(answer.schema?.schema.struct?.fields ?? [])
}

const rowCountLimit = 2 ** 31 - 1

function limited(input: Relation, rowCountMax: number | undefined): Relation {
  return rowCountMax === undefined || rowCountMax > rowCountLimit
    ? input
    : { limit: { input, limit: rowCountMax } }
}

/** Failures in our words; an abort is not waited for. */
async function said<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await untilAbort(signal, work())
  } catch (error) {
    if (signal.aborted) throw stopReason(signal)
    throw error instanceof AppError ? error : appErrorOf(readFailure(error))
  }
}
