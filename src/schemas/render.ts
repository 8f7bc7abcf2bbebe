import { isJson, type Json, pointerStep } from './json.ts'
import { toStandard } from './notation.ts'
import type { View } from './view.ts'

/** What a view needs beyond the document. */
export interface RenderContext {
  /** The document as one tree; asked for only when the view shows it. */
  readonly resolve: () => Json
  readonly descriptors?: readonly Json[]
  /** `/a/b` of fields that descriptors mark as deprecated. */
  readonly deprecatedPaths?: ReadonlySet<string>
}

/** A resource in the form asked for. */
export function render(document: Json, view: View, context: RenderContext): Json {
  if (view.form === 'id') {
    return {
      $id: document['$id'],
      'meta:altId': document['meta:altId'],
      version: document['version'],
      title: document['title'],
    }
  }
  let shown = document
  if (view.form === 'full') {
    shown = withDeprecation(context.resolve(), context.deprecatedPaths ?? new Set(), {
      isShown: view.withDeprecated,
      path: '',
    })
    if (view.withDescriptors) shown = { ...shown, 'meta:descriptors': context.descriptors ?? [] }
  }
  if (view.notation === 'standard') shown = toStandard(shown)
  if (!view.withText) shown = withoutText(shown)
  return view.isFlat ? { ...shown, properties: flatProperties(shown) } : shown
}

/** Marks fields as deprecated, or leaves them out. */
function withDeprecation(
  node: Json,
  deprecated: ReadonlySet<string>,
  { isShown, path }: { readonly isShown: boolean; readonly path: string },
): Json {
  const out: Record<string, unknown> = { ...node }
  const { properties } = node
  if (isJson(properties)) {
    out['properties'] = Object.fromEntries(
      Object.entries(properties).flatMap(([name, field]) => {
        if (!isJson(field)) return [[name, field]]
        const at = `${path}/${pointerStep(name)}`
        const isDeprecated = deprecated.has(at) || field['meta:status'] === 'deprecated'
        if (isDeprecated && !isShown) return []
        const inner = withDeprecation(field, deprecated, { isShown, path: at })
        return [[name, isDeprecated ? { ...inner, 'meta:status': 'deprecated' } : inner]]
      }),
    )
  }
  for (const key of ['items', 'additionalProperties']) {
    const inner = node[key]
    if (isJson(inner)) out[key] = withDeprecation(inner, deprecated, { isShown, path })
  }
  return out
}

function withoutText(node: Json): Json {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(node)) {
    if ((key === 'title' || key === 'description') && typeof value === 'string') continue
    if ((key === 'properties' || key === 'definitions') && isJson(value)) {
      out[key] = Object.fromEntries(
        Object.entries(value).map(([name, field]) => [name, isJson(field) ? withoutText(field) : field]),
      )
    } else if ((key === 'items' || key === 'additionalProperties') && isJson(value))
      out[key] = withoutText(value)
    else if (key === 'allOf' && Array.isArray(value)) {
      out[key] = value.map((part) => (isJson(part) ? withoutText(part) : part))
    } else out[key] = value
  }
  return out
}

/** Leaves by their path joined with `/`, array steps without a mark. */
function flatProperties(node: Json): Json {
  const out: Record<string, unknown> = {}
  const visit = (inner: Json, path: string): void => {
    const { properties, items } = inner
    if (isJson(properties) && Object.keys(properties).length > 0) {
      for (const [name, field] of Object.entries(properties)) {
        if (isJson(field)) visit(field, path === '' ? name : `${path}/${name}`)
      }
    } else if (isJson(items)) visit(items, path)
    else if (path !== '') out[path] = inner
  }
  visit(node, '')
  return out
}
