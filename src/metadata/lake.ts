// oxlint-disable-next-line typescript/no-empty-object-type -- Filled by the lake area.
export interface LakeTables {}
