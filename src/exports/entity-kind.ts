/** What the Flow Service keeps; a run of a flow is none. */
export type EntityKind = 'connections' | 'sourceConnections' | 'targetConnections' | 'flows'
