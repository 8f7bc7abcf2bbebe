import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { Logger } from '#base/log.ts'
import { untilAborted } from '#base/until-aborted.ts'
import type { Field } from '#types/data-type.ts'
import {
  atOnce,
  type ClusterEngine,
  type EngineStatement,
  type OpenOptions,
  type Pull,
  type WriteOptions,
  type WrittenRows,
} from './engine.ts'
import { connect, type Connection, type SessionIdentity, type SparkAddress } from './spark/connection.ts'
import { appErrorOf, readFailure } from './spark/failure.ts'
import type { AnalyzeResponse, Relation } from './spark/messages.ts'
import { EncodingThread } from './spark/encoding-thread.ts'
import { Operation } from './spark/operation.ts'
import { castStatement, relationOf } from './spark/relation.ts'
import { SparkSession } from './spark/session.ts'
import { SparkPull } from './spark/spark-pull.ts'
import { fieldsOfProto } from './spark/spark-types.ts'
import { Turns } from './turns.ts'
import { finishWrite, RowsFolder, writePlan, writtenColumns } from './spark/written-rows.ts'
import { stopReason } from './stop-reason.ts'

export type { SparkAddress } from './spark/connection.ts'

export interface SparkEngineOptions {
  readonly address: SparkAddress
  /** Statements at a time; more wait. */
  readonly statementsMax: number
  /** Where the id of the session at Spark is kept, for the server's next life. */
  readonly stateFile: string
  /** Where Spark writes rows; on all of its machines the same. */
  readonly folder: string
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
  folder,
  logger,
}: SparkEngineOptions): ClusterEngine {
  const connection = connect(address)
  const rows = new RowsFolder(folder, logger)
  const session = new SparkSession({ connection, stateFile, logger, onBegin: () => rows.open() })
  const turns = new Turns(statementsMax)
  const thread = new EncodingThread()
  const running = new Set<Pull>()

  async function open(statement: EngineStatement, options: OpenOptions): Promise<Pull> {
    const { signal, columns, rowCountMax, inTurn = atOnce } = options
    const place = await turns.take(signal)
    try {
      const { identity, found } = await inTurn(() => analyzed(statement, signal))
      const plan = limited(relationOf(castStatement(statement, { found, wanted: columns })), rowCountMax)
      const operation = new Operation(connection, identity, { root: plan })
      const pull = new SparkPull({ operation, thread }, options, () => {
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

  async function analyzed(statement: EngineStatement, signal: AbortSignal) {
    return await said(signal, () =>
      session.within(async (identity) => ({
        identity,
        found: await analyze(connection, identity, relationOf(statement)),
      })),
    )
  }

  async function write(statement: EngineStatement, options: WriteOptions): Promise<WrittenRows> {
    const { signal, inTurn = atOnce } = options
    using place = new DisposableStack()
    place.use(await turns.take(signal))
    const { identity, found } = await analyzed(statement, signal)
    const target = { folder: rows.next(), columns: writtenColumns(options.columns) }
    const remove = (): Promise<void> => rows.remove(target.folder)
    await faultPoint('spark.write.before')
    const operation = new Operation(connection, identity, writePlan(statement, { found, ...target }))
    try {
      const written = await inTurn(() => said(signal, () => finishWrite(operation, target)))
      return { ...written, [Symbol.asyncDispose]: remove }
    } catch (error) {
      // Nobody waits until Spark has ended it, but the next statement does.
      const held = place.move()
      void operation
        .stop()
        .then(remove)
        .finally(() => held[Symbol.dispose]())
      throw error
    }
  }

  return {
    open,
    write,
    describe: (statement, { signal }) =>
      said(signal, () => session.within((identity) => analyze(connection, identity, relationOf(statement)))),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running].map((pull) => pull[Symbol.asyncDispose]()))
      await thread[Symbol.asyncDispose]()
      await session.end()
      connection[Symbol.dispose]()
      await rows.close()
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
    return await untilAborted(work(), signal, stopReason)
  } catch (error) {
    if (signal.aborted) throw stopReason(signal)
    throw error instanceof AppError ? error : appErrorOf(readFailure(error))
  }
}
