import type { FunctionEntry } from './entry.ts'

/**
 * `map.key`: the value of exactly that key, else of one that differs in upper and lower case only. By bracket a key
 * matches exactly.
 */
export const mapField: FunctionEntry = {
  names: ['.'],
  kind: 'scalar',
  signatures: [
    {
      takes: ['map', 'string'],
      gives: ([map]) => (map?.kind === 'map' ? map.value : { kind: 'void' }),
      lowering: {
        kind: 'duckdb',
        print: ({ values: [map = '', key = ''] }) =>
          `coalesce(${map}[${key}], list_extract(list_filter(map_entries(${map}), lambda e: lower((e)."key") = lower(${key})), 1)."value")`,
      },
    },
  ],
}
