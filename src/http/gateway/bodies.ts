import type { Readable } from 'node:stream'
import { AppError } from '#base/errors.ts'
import { giveBack } from '#base/give-back.ts'
import type { App } from './app.ts'
import { letBodiesTakeLong } from './late-bodies.ts'

/** JSON bodies of every flavour (`application/json-patch+json` too); an empty one is as none. */
export function addJsonBodies(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser(['application/json', 'text/plain'])
  app.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json\b/i,
    { parseAs: 'string' },
    (request, text, done) => {
      if (text === '') done(null, undefined)
      else void parse(request, String(text), done)
    },
  )
}

/** In this scope bodies are not read: the handler gets the stream. */
export function takeBodiesAsStreams(app: App): void {
  letBodiesTakeLong(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, stream, done) => done(null, stream))
}

/**
 * The bytes of a streamed body, up to a limit; a chunk holds until the next one is asked for.
 * @throws AppError 'request.too_large' at the byte beyond it
 */
export async function* bytesOf(body: unknown, bytesMax: number): AsyncGenerator<Uint8Array> {
  if (!body) return
  const stream = body as Readable
  let count = 0
  try {
    // Destroyed, it would leave its connection with a body that nobody takes, and whatever is asked next without an answer.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      count += (chunk as Uint8Array).byteLength
      if (count > bytesMax) throw tooLarge(bytesMax)
      yield chunk as Uint8Array
      giveBack(chunk as Uint8Array)
    }
  } finally {
    // What still comes of one that is refused is read past.
    stream.resume()
  }
}

/** Refuses what says of itself that it is too large, before it is read. */
export function checkLength(length: string | undefined, bytesMax: number): void {
  if (length !== undefined && Number(length) > bytesMax) throw tooLarge(bytesMax)
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('request.too_large', `A file may have at most ${bytesMax} bytes.`, {
    hint: 'Load it in several files, or raise the setting limits.uploadBytesMax.',
  })
}
