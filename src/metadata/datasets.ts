// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the datasets area.
export interface DatasetTables {}
