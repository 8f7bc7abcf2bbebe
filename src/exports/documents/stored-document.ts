import type { EntityKind } from '../entity-kind.ts'
import type { EntityDocuments } from './entity-schemas.ts'

export type State = 'enabled' | 'disabled'
/** As stored: what the client sent, its state, and what we keep of it. */
export type Stored<K extends EntityKind> = EntityDocuments[K] & {
  readonly state: State
  readonly firstDatasetId?: unknown
}
