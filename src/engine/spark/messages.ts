import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'

/** A column's type as Spark Connect says it: one field, named by the kind. */
export interface ProtoType {
  readonly null?: object
  readonly binary?: object
  readonly boolean?: object
  readonly byte?: object
  readonly short?: object
  readonly integer?: object
  readonly long?: object
  readonly float?: object
  readonly double?: object
  readonly decimal?: { readonly precision?: number; readonly scale?: number }
  readonly string?: object
  readonly char?: object
  readonly varChar?: object
  readonly date?: object
  readonly timestamp?: object
  readonly timestampNtz?: object
  readonly calendarInterval?: object
  readonly yearMonthInterval?: ProtoSpan
  readonly dayTimeInterval?: ProtoSpan
  readonly array?: { readonly elementType: ProtoType }
  readonly struct?: {
    readonly fields?: readonly { readonly name?: string; readonly dataType: ProtoType }[]
  }
  readonly map?: { readonly keyType: ProtoType; readonly valueType: ProtoType }
}

/** By the places of its units among those of its kind, from 0. */
export interface ProtoSpan {
  readonly startField?: number
  readonly endField?: number
}

export type Relation =
  | { readonly sql: { readonly query: string } }
  | { readonly limit: { readonly input: Relation; readonly limit: number } }
  | { readonly subqueryAlias: { readonly input: Relation; readonly alias: string } }
  | { readonly withRelations: { readonly root: Relation; readonly references: readonly Relation[] } }
  | {
      /** Aggregates of the rows that pass, told with the last message. */
      readonly collectMetrics: {
        readonly input: Relation
        readonly name: string
        readonly metrics: readonly { readonly expressionString: { readonly expression: string } }[]
      }
    }
  | {
      readonly read: {
        readonly dataSource: {
          readonly format: string
          readonly schema: string
          readonly options: Readonly<Record<string, string>>
          readonly paths: readonly string[]
        }
      }
    }

/** Writes a relation's rows as files. */
export interface WriteCommand {
  readonly writeOperation: {
    readonly input: Relation
    readonly source: string
    readonly path: string
    readonly mode: number
    readonly options: Readonly<Record<string, string>>
  }
}

export type Plan = { readonly root: Relation } | { readonly command: WriteCommand }

/** One message of a running operation. */
export interface ExecuteResponse {
  readonly responseId?: string
  readonly arrowBatch?: {
    readonly data?: Uint8Array
    readonly chunkIndex?: number
    readonly numChunksInBatch?: number
  }
  readonly observedMetrics?: readonly {
    readonly name?: string
    readonly values?: readonly { readonly long?: number }[]
  }[]
  readonly resultComplete?: object
  readonly executionProgress?: { readonly stages?: readonly { readonly numTasks?: number }[] }
}

export interface AnalyzeResponse {
  readonly schema?: { readonly schema: ProtoType }
  readonly sparkVersion?: { readonly version: string }
}

export interface ErrorInfo {
  readonly reason?: string
  readonly metadata?: Readonly<Record<string, string>>
}

interface RpcStatus {
  readonly details?: readonly { readonly typeUrl?: string; readonly value?: Uint8Array }[]
}

const { root } = protobuf.parse(readFileSync(join(import.meta.dirname, 'connect.proto'), 'utf8'))
const packageName = 'spark.connect'
const plainObjects = { longs: Number, oneofs: false } as const

function decode(type: string, bytes: Uint8Array): object {
  const message = root.lookupType(`${packageName}.${type}`)
  return message.toObject(message.decode(bytes), plainObjects)
}

/** What Spark says of a failure beside its text, from the trailer of a call. */
export function readErrorInfo(trailer: Uint8Array): ErrorInfo | undefined {
  const { details = [] } = decode('Status', trailer) as RpcStatus
  const found = details.find((detail) => detail.typeUrl?.endsWith('google.rpc.ErrorInfo'))
  return found?.value && decode('ErrorInfo', found.value)
}

export interface MethodDefinition {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: boolean
  readonly requestSerialize: (request: object) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => object
  readonly responseSerialize: (response: object) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => object
}

/** The service as a gRPC client wants it described. */
export function serviceDefinition(): Readonly<Record<string, MethodDefinition>> {
  const service = root.lookupService(`${packageName}.SparkConnectService`)
  const encoded = (type: string, value: object): Buffer => {
    const message = root.lookupType(`${packageName}.${type}`)
    return Buffer.from(message.encode(message.fromObject(value)).finish())
  }
  return Object.fromEntries(
    service.methodsArray.map(({ name, requestType, responseType, responseStream = false }) => [
      name,
      {
        path: `/${packageName}.SparkConnectService/${name}`,
        requestStream: false,
        responseStream,
        requestSerialize: (request) => encoded(requestType, request),
        requestDeserialize: (bytes) => decode(requestType, bytes),
        responseSerialize: (response) => encoded(responseType, response),
        responseDeserialize: (bytes) => decode(responseType, bytes),
      } satisfies MethodDefinition,
    ]),
  )
}
