import type { DatasetId } from '#base/ids.ts'
import type { StructType } from '#types/data-type.ts'
import { programOf } from '../plain/program.ts'
import { newSeenKeys, seeKeys } from '../plain/seen-keys.ts'
import { jsonPattern } from '../plain/value-patterns.ts'
import type { RequiredPaths } from '../value-readers.ts'

/** So many rows say how the others of a dataset look; before the first of them come, reading each costs less. */
const samplesMin = 32
const samplesMax = 128
const formsMax = 1_000

/** What the rows that are sent for a dataset look like, learnt from those that came. */
export interface EntityForm {
  /** Learns from a row that fits. */
  see(entity: object): void
  /**
   * Where a text is a row that certainly fits, from the place on where it is searched; its `_id` in quotes, if that is a text,
   * is a group of that name. Undefined: none has been seen, or none can be plain.
   */
  readonly pattern: RegExp | undefined
}

/** By dataset; kept for as long as its rows are asked the same. */
export function createEntityForms(
  samplesFirst = samplesMin,
): (datasetId: DatasetId, columns: StructType, required: RequiredPaths) => EntityForm {
  const forms = new Map<DatasetId, { readonly asked: string; readonly form: EntityForm }>()
  return (datasetId, columns, required) => {
    const asked = JSON.stringify([columns, required])
    const known = forms.get(datasetId)
    if (known?.asked === asked) return known.form
    if (forms.size >= formsMax) forms.clear()
    const form = newForm(columns, { required, samplesFirst })
    forms.set(datasetId, { asked, form })
    return form
  }
}

function newForm(
  columns: StructType,
  { required, samplesFirst }: { readonly required: RequiredPaths; readonly samplesFirst: number },
): EntityForm {
  const seen = newSeenKeys()
  // A number can be written in several ways: readers tell which `_id` it is.
  const isLookedAt = columns.fields.some(({ name, type }) => name === '_id' && type.kind !== 'string')
  let count = 0
  let pattern: RegExp | undefined
  return {
    see: (entity) => {
      if (isLookedAt || count >= samplesMax) return
      seeKeys(seen, entity, columns)
      count += 1
      if (count !== samplesFirst && count !== samplesMax) return
      const source = jsonPattern(columns, { seen, required, quote: '"', group: '_id' })
      if (source !== pattern?.source) pattern = source === undefined ? undefined : programOf(source)
    },
    get pattern() {
      return pattern
    },
  }
}
