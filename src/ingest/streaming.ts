import type { Caller } from '#datasets/datasets.ts'

/**
 * Streaming ingestion: messages come one by one or a few at a time through an inlet. Accepted means durable: a message that
 * was accepted is in the log of this node, on the disk, and comes into its dataset exactly once with a batch that is made
 * of a stretch of the log.
 */
export interface Streaming extends AsyncDisposable {
  /** Takes up what an earlier life left in the log. @throws AppError 'home.unusable' for a log of a newer Sluice */
  start(): Promise<void>

  /** @throws AppError 'inlet.exists' for a source id that the sandbox has, 'request.invalid' */
  createInlet(caller: Caller, inlet: NewInlet): Promise<Inlet>
  /** By the id of its connection. */
  inlet(caller: Caller, id: string): Promise<Inlet | undefined>
  inlets(caller: Caller): Promise<readonly Inlet[]>
  /** From the next second on it takes nothing. False: there is none. */
  deleteInlet(caller: Caller, id: string): Promise<boolean>

  /** What an inlet asks of who sends. @throws AppError 'inlet.unknown' */
  opened(inletId: string): Promise<OpenInlet>
  /**
   * Takes the messages of a call, each on its own. Resolves when those that were taken are durable.
   * @param options.sender who sends, when the inlet asks; else its maker is taken for who sends
   * @returns for each message what it is known by, or why it was refused
   * @throws AppError 'request.invalid' for a text that is not JSON, 'limit.exceeded' while the log is full, 'stream.unavailable' while it cannot be written
   */
  accept(inlet: OpenInlet, call: CallText, options: AcceptOptions): Promise<Accepted>

  status(): StreamStatus
}

export interface NewInlet {
  readonly name: string
  readonly description?: string | undefined
  /** Of the client's choice; one inlet of a sandbox has it. */
  readonly sourceId: string
  /** Whether who sends must show a token and may load the dataset; else whoever knows the inlet's id may send. */
  readonly requiresAuthentication: boolean
}

export interface Inlet extends Omit<NewInlet, 'description'> {
  /** Of the connection. */
  readonly id: string
  /** Of the address that messages are sent to. */
  readonly inletId: string
  readonly description: string
  readonly createdAt: Date
  readonly createdBy: string
}

export interface OpenInlet {
  readonly inletId: string
  readonly requiresAuthentication: boolean
  /** Who made it, where it is. */
  readonly maker: Caller
}

/** What came in one call. */
export interface CallText {
  readonly text: string
  /** `{"messages": […]}`; else the text is one message. */
  readonly isSeveral: boolean
}

export interface AcceptOptions {
  readonly sender?: Caller | undefined
  /** Messages that do not fit the schema are refused at once, not left out of their batch. */
  readonly isSynchronous: boolean
  /** Which flow sends messages that do not say so themselves. */
  readonly flowId?: string | undefined
}

export interface Accepted {
  readonly receivedAt: Date
  /** Of the call; a message's own adds its place. */
  readonly transactionId: string
  /** In the order of the messages. */
  readonly results: readonly MessageResult[]
}

export type MessageResult =
  | { readonly isTaken: true; readonly transactionId: string }
  | { readonly isTaken: false; readonly reason: Error }

/** Since this process started, but for what waits. */
export interface StreamStatus {
  /** Messages. */
  readonly accepted: number
  readonly refused: number
  /** Those dropped because their `_id` came before. */
  readonly duplicates: number
  /** What is in the log of this node and not in a batch yet. */
  readonly waitingBytes: number
  readonly segments: number
  /** How often in a row no batch could be made of the log, until now. */
  readonly batchFailures: number
  /** Segments among them that could not be batched, and are tried again when the server starts. */
  readonly passedOver: number
  /** Segments that were damaged after they had been written: what could be read is loaded, the files are kept. */
  readonly setAside: number
}
