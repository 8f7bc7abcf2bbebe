// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the query area.
export interface QueryTables {}
