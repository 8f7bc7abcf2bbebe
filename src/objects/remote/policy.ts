import { laterParts, type PartSizes } from './part-size.ts'

/** How a store on another machine is asked; a test may set it otherwise. */
export interface RemotePolicy extends PartSizes {
  /** Tries of one request, and tries of a reading that make no progress. */
  readonly triesMax: number
  readonly firstWaitMs: number
  readonly maxWaitMs: number
  readonly connectMsMax: number
  /** Until a request is answered; a body gets `bodyBytesPerMs` on top. */
  readonly answerMsMax: number
  /** Until an upload is completed: the store puts its parts together meanwhile. */
  readonly completeMsMax: number
  /** Between two pieces of an answer's body. */
  readonly idleMsMax: number
  /** Slower than this an upload is given up and tried again. */
  readonly bodyBytesPerMs: number
  /** Of a part that the store copies by itself, where it copies in parts. */
  readonly copiedPartBytes: number
  /** Of an object that the store copies by one request, where it takes more to copy larger ones. */
  readonly copiedWholeBytesMax: number
  /** Parts of one object under way at a time; each is held in memory. */
  readonly partsAtOnce: number
  /** Names of one page of a listing. */
  readonly listedAtOnce: number
  /** Connections to the store. */
  readonly socketsMax: number
}

export const remotePolicy: RemotePolicy = {
  triesMax: 6,
  firstWaitMs: 100,
  maxWaitMs: 5_000,
  connectMsMax: 5_000,
  answerMsMax: 30_000,
  completeMsMax: 300_000,
  idleMsMax: 30_000,
  bodyBytesPerMs: 256,
  partBytes: 8 * 1024 * 1024,
  laterParts,
  copiedPartBytes: 512 * 1024 * 1024,
  copiedWholeBytesMax: 256 * 1024 * 1024,
  partsAtOnce: 2,
  listedAtOnce: 1_000,
  socketsMax: 32,
}

/** For what a writing that has failed takes away of itself; what is left then is swept. */
export const tidyMsMax = 10_000

/** An object is written within this span, or not at all. */
export const writeMsMax = 12 * 3_600_000
