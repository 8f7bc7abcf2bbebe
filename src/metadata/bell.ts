import { sql } from 'kysely'
import type { Metadata } from './metadata.ts'

/** On which nodes of one database tell each other to stop something. */
const cancelsChannel = 'sluice_cancels'

/** What nodes that share our database call out to each other. Who does not listen at that moment never hears it. */
export interface Bell {
  /** Heard by all nodes, this one too. */
  ring(word: string): Promise<void>
  listen(onWord: (word: string) => void): Promise<AsyncDisposable>
}

/** For cancels of what runs at another node: of queries, or of sessions. */
export function cancelBell(metadata: Pick<Metadata, 'db' | 'listen'>, topic: 'query' | 'session'): Bell {
  const start = `${topic}:`
  return {
    ring: async (word) => {
      await sql`select pg_notify(${cancelsChannel}, ${start + word})`.execute(metadata.db)
    },
    listen: (onWord) =>
      metadata.listen(cancelsChannel, (word) => {
        if (word.startsWith(start)) onWord(word.slice(start.length))
      }),
  }
}
