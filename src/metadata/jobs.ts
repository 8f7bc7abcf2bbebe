// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the jobs area.
export interface JobTables {}
