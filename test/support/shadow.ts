import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createShadow } from '../../src/shadow/create-shadow.ts'
import { partsOf } from '../../src/shadow/route.ts'
import type { AskingSession, Question, Shadow, Shown } from '../../src/shadow/shadow.ts'
import { readTexts } from '../../src/shadow/wire.ts'
import type { Logger } from '../../src/base/log.ts'
import { assert } from '../../src/base/assert.ts'
import { passableFolder } from './passable-folder.ts'

const silent: Logger = { log: () => {}, child: () => silent }

export const ann: AskingSession = {
  user: 'ann@example',
  database: 'prod:all',
  processId: 77,
  client: 'tests',
  cursors: [],
  settings: new Map([['statement_timeout', '5000']]),
}

export interface TestShadow extends AsyncDisposable {
  readonly shadow: Shadow
  readonly folder: string
  /** The rows of an answer as texts, joined with `|`. */
  ask(text: string, options?: { readonly shown?: Shown; readonly asker?: AskingSession }): Promise<string[]>
}

/** A shadow of its own, which shows `shown` unless a question says otherwise. */
export async function testShadow(
  shown: Shown,
  options: { readonly questionMsMax?: number } = {},
): Promise<TestShadow> {
  const folder = passableFolder('shadow')
  const shadow = createShadow({
    folder: join(folder, 'shadow'),
    programsFolder: join(folder, 'programs'),
    logger: silent,
    ...options,
  })
  await shadow.ready()
  return {
    shadow,
    folder,
    ask: async (text, { shown: other = shown, asker = ann } = {}) => {
      const { rows } = await shadow.ask(questionOf(text), {
        shown: other,
        asker,
        signal: new AbortController().signal,
        given: {
          parameterOids: [],
          parameterFormats: [],
          parameters: [],
          resultFormats: (columns) => columns.map(() => 0),
        },
      })
      return rows.map((row) => readTexts(row).join('|'))
    },
    [Symbol.asyncDispose]: async () => {
      await shadow[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The one question a text is. */
export function questionOf(text: string): Question {
  const [part] = partsOf(text) ?? []
  assert(part?.kind === 'question', `${text} is a question`)
  return part.question
}
