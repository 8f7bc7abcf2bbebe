import type { AvroField, AvroRecord, AvroType } from './avro.ts'

/**
 * Avro schemas of manifests and manifest lists, version 2. Readers go by field ids; names and order are those of the
 * reference implementation.
 * @see https://iceberg.apache.org/spec/#manifests
 */

export const partitionFieldIdFirst = 1000

/** @param dayField the Avro name of the hidden day, absent for an unpartitioned table */
export function manifestEntrySchema(dayField: string | undefined): AvroRecord {
  return record('manifest_entry', [
    required('status', 0, 'int'),
    optional('snapshot_id', 1, 'long'),
    optional('sequence_number', 3, 'long'),
    optional('file_sequence_number', 4, 'long'),
    required(
      'data_file',
      2,
      record('r2', [
        required('content', 134, 'int'),
        required('file_path', 100, 'string'),
        required('file_format', 101, 'string'),
        required(
          'partition',
          102,
          record(
            'r102',
            dayField === undefined
              ? []
              : [optional(dayField, partitionFieldIdFirst, { type: 'int', logicalType: 'date' })],
          ),
        ),
        required('record_count', 103, 'long'),
        required('file_size_in_bytes', 104, 'long'),
        optional('column_sizes', 108, byColumn(117, 118, 'long')),
        optional('value_counts', 109, byColumn(119, 120, 'long')),
        optional('null_value_counts', 110, byColumn(121, 122, 'long')),
        optional('nan_value_counts', 137, byColumn(138, 139, 'long')),
        optional('lower_bounds', 125, byColumn(126, 127, 'bytes')),
        optional('upper_bounds', 128, byColumn(129, 130, 'bytes')),
        optional('key_metadata', 131, 'bytes'),
        optional('split_offsets', 132, { type: 'array', items: 'long', 'element-id': 133 }),
        optional('equality_ids', 135, { type: 'array', items: 'int', 'element-id': 136 }),
        optional('sort_order_id', 140, 'int'),
      ]),
    ),
  ])
}

/** What a manifest says of a file, the partition apart: name and id. */
export const dataFileFieldIds: readonly (readonly [string, number])[] = [
  ['content', 134],
  ['file_path', 100],
  ['file_format', 101],
  ['record_count', 103],
  ['file_size_in_bytes', 104],
  ['column_sizes', 108],
  ['value_counts', 109],
  ['null_value_counts', 110],
  ['nan_value_counts', 137],
  ['lower_bounds', 125],
  ['upper_bounds', 128],
  ['key_metadata', 131],
  ['split_offsets', 132],
  ['equality_ids', 135],
  ['sort_order_id', 140],
]

export const manifestListSchema: AvroRecord = record('manifest_file', [
  required('manifest_path', 500, 'string'),
  required('manifest_length', 501, 'long'),
  required('partition_spec_id', 502, 'int'),
  required('content', 517, 'int'),
  required('sequence_number', 515, 'long'),
  required('min_sequence_number', 516, 'long'),
  required('added_snapshot_id', 503, 'long'),
  required('added_files_count', 504, 'int'),
  required('existing_files_count', 505, 'int'),
  required('deleted_files_count', 506, 'int'),
  required('added_rows_count', 512, 'long'),
  required('existing_rows_count', 513, 'long'),
  required('deleted_rows_count', 514, 'long'),
  optional('partitions', 507, {
    type: 'array',
    'element-id': 508,
    items: record('r508', [
      required('contains_null', 509, 'boolean'),
      optional('contains_nan', 518, 'boolean'),
      optional('lower_bound', 510, 'bytes'),
      optional('upper_bound', 511, 'bytes'),
    ]),
  }),
  optional('key_metadata', 519, 'bytes'),
])

/** Avro names are letters, digits and `_`; the rest is written as Iceberg's Java does. */
export function avroName(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9_]/gu, (character) => `_x${character.codePointAt(0)?.toString(16).toUpperCase()}`)
    .replace(/^(\d)/, '_$1')
}

function record(name: string, fields: readonly AvroField[]): AvroRecord {
  return { type: 'record', name, fields }
}

function required(name: string, id: number, type: AvroType): AvroField {
  return { name, type, 'field-id': id }
}

function optional(name: string, id: number, type: AvroType): AvroField {
  return { name, type: ['null', type], default: null, 'field-id': id }
}

/** Avro's maps have text keys; by column id they are arrays of pairs. */
function byColumn(keyId: number, valueId: number, value: AvroType): AvroType {
  return {
    type: 'array',
    logicalType: 'map',
    items: record(`k${keyId}_v${valueId}`, [
      required('key', keyId, 'int'),
      required('value', valueId, value),
    ]),
  }
}
