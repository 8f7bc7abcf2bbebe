// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the exports area.
export interface ExportTables {}
