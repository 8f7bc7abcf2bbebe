// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the access area.
export interface AccessTables {}
