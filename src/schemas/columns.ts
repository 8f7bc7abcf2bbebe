import { AppError } from '#base/errors.ts'
import { columnsOfXdm, type XdmColumns } from '#types/xdm.ts'
import { refused } from './errors.ts'
import { isJson, type Json, pointerStep, textOr } from './json.ts'

/**
 * The columns of a resolved schema. The wrapper of an ad hoc schema is invisible: what it holds are the columns.
 * @throws AppError 'schema.invalid' naming the field
 */
export function columnsOfResolved(resolved: Json): XdmColumns {
  const namespace = resolved['meta:datasetNamespace']
  const properties = resolved['properties']
  const wrapper = typeof namespace === 'string' && isJson(properties) ? properties[namespace] : undefined
  try {
    return columnsOfXdm(withoutTwins(isJson(wrapper) ? wrapper : resolved))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw refused(error.code, 'XDM-4000-400', error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      violations: [{ path: textOr(error.detail?.['path'], '#'), message: error.message }],
    })
  }
}

/** XDM itself has `POIID` (deprecated) beside `poiID`; SQL knows no case: the deprecated one has no column. */
function withoutTwins(node: Json): Json {
  const out: Record<string, unknown> = { ...node }
  const { properties, items, additionalProperties: values } = node
  if (isJson(properties)) {
    const kept = Object.entries(properties).filter(([name, field]) => {
      const folded = name.toLowerCase()
      const isDeprecated = isJson(field) && field['meta:status'] === 'deprecated'
      return !(
        isDeprecated &&
        Object.keys(properties).some((other) => other !== name && other.toLowerCase() === folded)
      )
    })
    out['properties'] = Object.fromEntries(
      kept.map(([name, field]) => [name, isJson(field) ? withoutTwins(field) : field]),
    )
  }
  if (isJson(items)) out['items'] = withoutTwins(items)
  if (isJson(values)) out['additionalProperties'] = withoutTwins(values)
  return out
}

/** Where a field of a resolved document ends: what data can stand there. */
export interface Leaf {
  /** `/a/b`, without the steps of arrays and maps. */
  readonly path: string
  /** Array and map steps on the way, from the top: `/a[]/b{}`. */
  readonly containers: string
  readonly field: Json
  readonly isRequired: boolean
}

/** Every leaf, in document order. Objects without fields count as leaves. */
export function leavesOf(resolved: Json): Leaf[] {
  const out: Leaf[] = []
  visit(resolved, { path: '', containers: '', isRequired: true }, out)
  return out
}

function visit(node: Json, place: Omit<Leaf, 'field'>, out: Leaf[]): void {
  const { properties, items, additionalProperties: values } = node
  if (isJson(properties) && Object.keys(properties).length > 0) {
    const required = new Set(Array.isArray(node['required']) ? node['required'] : [])
    for (const [name, field] of Object.entries(properties)) {
      if (!isJson(field)) continue
      const step = `/${pointerStep(name)}`
      visit(
        field,
        {
          path: place.path + step,
          containers: place.containers + step,
          isRequired: place.isRequired && required.has(name),
        },
        out,
      )
    }
  } else if (isJson(items)) visit(items, { ...place, containers: `${place.containers}[]` }, out)
  else if (isJson(values)) visit(values, { ...place, containers: `${place.containers}{}` }, out)
  else out.push({ ...place, field: node })
}
